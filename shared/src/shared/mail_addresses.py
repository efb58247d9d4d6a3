"""Addresses of mail, as they are compared: plain ASCII in lower case, so that two which look alike are the same one.

Characters that old mail servers take for a route to somewhere else (`%`, `!`) are none of them.
"""

import re
from typing import Final

_HOST: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
_WORD: Final = "[a-z0-9+_'=~#&-]+"
_NAME: Final = rf"(?=[^@]{{1,64}}@){_WORD}(?:\.{_WORD})*"
_MAILBOX: Final = re.compile(rf"{_NAME}@(?={_HOST}\Z).{{1,189}}")
_DOMAIN: Final = re.compile(rf"@(?={_HOST}\Z).{{1,189}}")


def mailbox(text: str) -> str | None:
    """`ada@example.com` as it is compared; None for what is no such address."""
    return _as_compared(text, _MAILBOX)


def mail_domain(text: str) -> str | None:
    """`@example.com` as it is compared; None for what is no such domain."""
    return _as_compared(text, _DOMAIN)


def domain_of(address: str) -> str:
    """`@example.com` of an address that `mailbox` gave."""
    return f"@{address.rpartition('@')[2]}"


def _as_compared(text: str, form: re.Pattern[str]) -> str | None:
    text = text.strip()
    return text.lower() if text.isascii() and form.fullmatch(text.lower()) else None
