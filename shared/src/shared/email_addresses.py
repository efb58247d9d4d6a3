"""Normalized email addresses: plain ASCII in lower case, so that lookalikes are equal.

Characters that old mail servers interpret as routing (`%`, `!`) are refused.
"""

import re
from typing import Final

_HOST: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
_WORD: Final = "[a-z0-9+_'=~#&-]+"
_NAME: Final = rf"(?=[^@]{{1,64}}@){_WORD}(?:\.{_WORD})*"
_MAILBOX: Final = re.compile(rf"{_NAME}@(?={_HOST}\Z).{{1,189}}")
_DOMAIN: Final = re.compile(rf"@(?={_HOST}\Z).{{1,189}}")


def normalize_email(text: str) -> str | None:
    """Return `ada@example.com` normalized; None for invalid addresses."""
    return _as_compared(text, _MAILBOX)


def normalize_email_domain(text: str) -> str | None:
    """Return `@example.com` normalized; None for invalid domains."""
    return _as_compared(text, _DOMAIN)


def email_domain(address: str) -> str:
    """Return `@example.com` of an address from `normalize_email`."""
    return f"@{address.rpartition('@')[2]}"


def _as_compared(text: str, form: re.Pattern[str]) -> str | None:
    text = text.strip()
    return text.lower() if text.isascii() and form.fullmatch(text.lower()) else None
