"""Sessions of signed-in users, and their tokens."""

import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.access.domain.accounts import User
from shared.security.api_keys import hash_key

SESSION_LIFE: Final = timedelta(days=7)
"""Sessions unused for this long expire."""
SESSION_MAX_LIFE: Final = timedelta(days=30)
ROTATE_AFTER: Final = timedelta(days=1)
ROTATION_GRACE: Final = timedelta(minutes=1)
"""Time for which the old token stays valid, for requests in transit during rotation."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Session of a signed-in user. Only its token's hash is stored."""

    id: str
    token_hash: str
    user_id: str
    created_at: datetime
    renewed_at: datetime
    expires_at: datetime
    address: str = ""
    user_agent: str = ""

    def is_valid(self, now: datetime) -> bool:
        """Return whether the session is valid."""
        return now < self.expires_at

    def wants_rotation(self, now: datetime) -> bool:
        """Return whether the token is due for rotation."""
        return now - self.renewed_at >= ROTATE_AFTER

    def renewed(self, token: str, now: datetime) -> "Session":
        """Return the session under another token, within its maximum lifetime."""
        end = min(now + SESSION_LIFE, self.created_at + SESSION_MAX_LIFE)
        return msgspec.structs.replace(self, token_hash=hash_key(token), renewed_at=now, expires_at=end)


def new_session(session_id: str, token: str, user: User, now: datetime, *, address: str, user_agent: str) -> Session:
    """Return a session that begins now."""
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
    """Return 256 random bits, for sessions and invitations."""
    return secrets.token_urlsafe(32)
