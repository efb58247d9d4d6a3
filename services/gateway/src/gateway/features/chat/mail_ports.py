"""Ports of outgoing mail and mailed codes."""

from datetime import datetime
from typing import Protocol

from gateway.features.chat.entry_codes import EntryCode
from gateway.features.chat.mail import Mail


class Mailer(Protocol):
    """Outgoing mail server."""

    async def send(self, mail: Mail) -> None:
        """Send a mail; the server has accepted it on return. Raises Unavailable."""


class EntryCodes(Protocol):
    """Valid codes. Every method raises Unavailable."""

    async def put(self, key: str, code: EntryCode) -> None:
        """Store the code, replacing the one for `key`."""

    async def count_try(self, key: str, now: datetime) -> EntryCode | None:
        """Count one attempt; return None once the code has expired or had MAX_TRIES attempts."""

    async def use(self, key: str, code: EntryCode) -> bool:
        """Return whether this call consumed the code."""
