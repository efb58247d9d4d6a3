"""People: their accounts, what they are in a workspace, and how they stay signed in."""

import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.errors import InvalidRequest
from shared.security.keys import hash_key

SESSION_LIFE: Final = timedelta(days=7)
"""Without a visit for as long, one signs in again."""
SESSION_MAX_LIFE: Final = timedelta(days=30)
ROTATE_AFTER: Final = timedelta(days=1)
ROTATION_GRACE: Final = timedelta(minutes=1)
"""How long the old token is still good, for requests that were on their way when the new one was given."""

MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 256
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class Role(StrEnum):
    """What a member may do: look and run, edit drafts, or everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person with an account."""

    id: str
    email: str
    name: str
    created_at: datetime


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person and the hash of the password; None for who cannot sign in yet."""

    user: User
    password_hash: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in. Only the hash of its token is kept."""

    id: str
    token_hash: str
    user_id: str
    created_at: datetime
    renewed_at: datetime
    expires_at: datetime
    address: str = ""
    user_agent: str = ""

    def is_good(self, now: datetime) -> bool:
        """Whether it still stands for its user."""
        return now < self.expires_at

    def wants_rotation(self, now: datetime) -> bool:
        """Whether it is time for another token."""
        return now - self.renewed_at >= ROTATE_AFTER

    def renewed(self, token: str, now: datetime) -> "Session":
        """The same stay under another token, never past its longest life."""
        end = min(now + SESSION_LIFE, self.created_at + SESSION_MAX_LIFE)
        return msgspec.structs.replace(self, token_hash=hash_key(token), renewed_at=now, expires_at=end)


def new_session(session_id: str, token: str, user: User, now: datetime, *, address: str, user_agent: str) -> Session:
    """A stay that begins now."""
    return Session(
        id=session_id,
        token_hash=hash_key(token),
        user_id=user.id,
        created_at=now,
        renewed_at=now,
        expires_at=now + SESSION_LIFE,
        address=address,
        user_agent=user_agent[:300],
    )


def new_token() -> str:
    """256 random bits, for sessions and invitations."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """A password for who has none yet: 120 random bits."""
    return secrets.token_urlsafe(15)


def checked_email(text: str) -> str:
    """`text` as an address is kept: trimmed, in lower case. Raises InvalidRequest."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise InvalidRequest("Invalid email address")
    return email


def checked_password(text: str) -> str:
    """A password that may be chosen. Raises InvalidRequest."""
    if len(text) < MIN_PASSWORD:
        raise InvalidRequest(f"Password must have at least {MIN_PASSWORD} characters")
    if len(text) > MAX_PASSWORD:
        raise InvalidRequest(f"Password must have at most {MAX_PASSWORD} characters")
    return text
