"""People, their sessions and passwords."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.access.domain.people import Account, Session, User


class Accounts(Protocol):
    """People and their sessions. Every method raises Unavailable."""

    async def add_account(self, account: Account) -> None:
        """Raises Conflict when the address has an account."""
        ...

    async def account_by_email(self, email: str) -> Account | None: ...

    async def account(self, user_id: str) -> Account | None: ...

    async def users(self, user_ids: list[str]) -> Sequence[User]:
        """Those of them that exist."""
        ...

    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        """Says whether it was set."""
        ...

    async def add_session(self, session: Session) -> None:
        """Keep a new one."""
        ...

    async def session(self, token_hash: str) -> Session | None:
        """The one with this token, good or not."""
        ...

    async def session_with_id(self, session_id: str) -> Session | None:
        """Return the session with this id under its newest token, good or not."""
        ...

    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        """Give a session another token; only one call for each old token is told True."""
        ...

    async def end_session(self, session_id: str) -> Sequence[str]:
        """Returns the hashes of the tokens that are no good any more."""
        ...

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> Sequence[str]:
        """As `end_session`, for all of a user except the session with the id `but`."""
        ...

    async def count_attempt(self, key: str, *, window_ends: datetime, by: int = 1) -> int:
        """Add `by` to a count, and return the count."""
        ...

    async def forget_attempts(self, key: str) -> None:
        """Begin to count anew."""
        ...


class Passwords(Protocol):
    """Hashes of passwords.

    `address` is where the request comes from. Every method raises TooManyAttempts when an address requests too many
    at once, and Unavailable when all addresses together do.
    """

    async def hash(self, password: str, *, address: str | None = None) -> str: ...

    async def verify(self, password: str, password_hash: str | None, *, address: str | None = None) -> bool:
        """Whether it is this password; with None it takes as long, and is not."""
        ...
