"""Environment values, which nobody may read who is not told them."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote, quote_plus

from shared.workflow.jsvalues import Json

REDACTED: Final = "[REDACTED]"
SHORTEST_SECRET: Final = 6
"""Shorter environment values are words like `true` or `80`: hiding them would garble everything."""
SHORTEST_LINE: Final = 16
"""Shorter lines of a longer value are brackets, or words that others use."""
SHORTEST_ENCODED: Final = 12
"""In base64 a value shares characters with its neighbours: what a shorter one has to itself could be a word."""

_SECRET_NAME: Final = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|password|passwd|secret|(?:access|refresh|auth|bearer)?[_-]?token|authorization"
    r"|private[_-]?key|secret[_-]?key|credentials?)"
)
_SUSPECT: Final = re.compile(rb"api[_-]?key|passw|secret|token|authorization|private[_-]?key|credential")
"""What the JSON of every value with such a name contains, in lower case: looking without regard to case is slow."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_LEFT_ALONE: Final = ("", "/", "!'()*", "!'()*#$&+,/:;=?@")
"""By those who percent-encode: all, Python's `quote`, JavaScript's `encodeURIComponent` and its `encodeURI`."""
_HEX: Final = re.compile(r"%[0-9A-F]{2}")


def to_hide(values: Iterable[str]) -> list[str]:
    """Every form of those that are secrets, the longest first: one may hold another."""
    secrets = {value for value in values if len(value) >= SHORTEST_SECRET}
    lines = {line.strip() for value in secrets if "\n" in value for line in value.splitlines()}
    secrets.update(line for line in lines if len(line) >= SHORTEST_LINE)
    return sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """`text` without these, which `to_hide` gave."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def hidden_within(value: Json, secrets: Sequence[str], *, by_name: bool = False) -> Json:
    """A value of any shape without these, nor, `by_name`, the texts whose names say that they are secrets."""
    if isinstance(value, str):
        return hidden(value, secrets)
    if isinstance(value, list):
        return [hidden_within(item, secrets, by_name=by_name) for item in value]
    if isinstance(value, dict):
        return {
            hidden(key, secrets): REDACTED
            if by_name and isinstance(item, str) and item and _SECRET_NAME.fullmatch(key)
            else hidden_within(item, secrets, by_name=by_name)
            for key, item in value.items()
        }
    return value


def may_name_secrets(document: bytes) -> bool:
    """Whether `hidden_within` may find any by their names in what this is the JSON of."""
    return _SUSPECT.search(document.lower()) is not None


def _forms(secret: str) -> Iterator[str]:
    """A value as it is, and as it stands in JSON, in an address, in a form, and behind a name in `Authorization`."""
    yield secret
    if not _PLAIN.fullmatch(secret):
        yield json.dumps(secret)[1:-1]
        yield json.dumps(secret, ensure_ascii=False)[1:-1]
        for quoted in (quote_plus(secret), *(quote(secret, safe=safe) for safe in _LEFT_ALONE)):
            yield quoted
            yield _HEX.sub(lambda escape: escape.group().lower(), quoted)
    if len(secret) >= SHORTEST_ENCODED:
        yield from _in_base64(secret.encode())


def _in_base64(secret: bytes) -> Iterator[str]:
    """The characters that are the secret's alone, for each of the three places where it may begin."""
    for before in range(3):
        whole = slice((0, 2, 3)[before], (before + len(secret)) * 8 // 6)
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + secret)[whole].decode()
