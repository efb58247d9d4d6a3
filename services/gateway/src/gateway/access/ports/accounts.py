"""Port of users, sessions and passwords."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.access.domain.people import Account, Session, User


class Accounts(Protocol):
    """Users and their sessions. Every method raises Unavailable."""

    async def add_account(self, account: Account) -> None:
        """Add an account. Raises Conflict when the address has one."""

    async def account_by_email(self, email: str) -> Account | None: ...

    async def account(self, user_id: str) -> Account | None: ...

    async def users(self, user_ids: list[str]) -> Sequence[User]:
        """Return those users that exist."""

    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        """Return whether the password was set."""

    async def add_session(self, session: Session) -> None: ...

    async def session(self, token_hash: str) -> Session | None:
        """Return the session with this token, valid or not."""

    async def session_with_id(self, session_id: str) -> Session | None:
        """Return the session with this id under its newest token, valid or not."""

    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        """Replace a session's token; return True for only one call per old token."""

    async def end_session(self, session_id: str) -> Sequence[str]:
        """Return the hashes of the revoked tokens."""

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> Sequence[str]:
        """Like `end_session`, for all sessions of a user except the one with id `but`."""

    async def count_attempt(self, key: str, *, window_ends: datetime, by: int = 1) -> int:
        """Add `by` to a count, and return the count."""

    async def forget_attempts(self, key: str) -> None:
        """Reset a count."""


class Passwords(Protocol):
    """Password hashes.

    `address` is the request's address. Every method raises TooManyAttempts when an address requests too many
    concurrently, and Unavailable when all addresses together do.
    """

    async def hash(self, password: str, *, address: str | None = None) -> str: ...

    async def verify(self, password: str, password_hash: str | None, *, address: str | None = None) -> bool:
        """Return whether the password matches; for None, return False after the same time."""
