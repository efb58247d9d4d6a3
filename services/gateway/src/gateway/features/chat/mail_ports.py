"""Mail that leaves, and the codes that are mailed."""

from datetime import datetime
from typing import Protocol

from gateway.features.chat.entry_codes import EntryCode
from gateway.features.chat.mail import Mail


class Mailer(Protocol):
    """A mail server that takes what we send."""

    async def send(self, mail: Mail) -> None:
        """It is in the server's hands on return. Raises Unavailable."""
        ...


class EntryCodes(Protocol):
    """The codes that are good. Every method raises Unavailable."""

    async def put(self, key: str, code: EntryCode) -> None:
        """In place of the one that there was for `key`."""
        ...

    async def count_try(self, key: str, now: datetime) -> EntryCode | None:
        """One more try; None once it has expired or been tried MAX_TRIES times."""
        ...

    async def use(self, key: str, code: EntryCode) -> bool:
        """Whether it was this call that used the code up."""
        ...
