"""Users, their email addresses and passwords."""

import re
import secrets
from datetime import datetime
from typing import Final

import msgspec

from shared.errors import InvalidRequest

MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 256
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """User with an account."""

    id: str
    email: str
    name: str
    created_at: datetime


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """User and password hash; None for users who cannot sign in yet."""

    user: User
    password_hash: str | None = None


def new_password() -> str:
    """Return a generated password of 120 random bits."""
    return secrets.token_urlsafe(15)


def checked_email(text: str) -> str:
    """Return `text` as stored: trimmed, in lower case. Raises InvalidRequest."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise InvalidRequest("Invalid email address")
    return email


def checked_password(text: str) -> str:
    """Return a valid new password. Raises InvalidRequest."""
    if len(text) < MIN_PASSWORD:
        raise InvalidRequest(f"Password must have at least {MIN_PASSWORD} characters")
    if len(text) > MAX_PASSWORD:
        raise InvalidRequest(f"Password must have at most {MAX_PASSWORD} characters")
    return text
