"""Masking of environment values."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec

from shared.contracts.block_logs import REDACTED
from shared.workflow.format.js_values import Json

SHORTEST_SECRET: Final = 6
"""Shorter environment values are words like `true` or `80`: masking them would garble everything."""
SHORTEST_LINE: Final = 16
"""Shorter lines of a longer value are brackets, or common words."""
SHORTEST_ENCODED: Final = 12
"""In base64 a value shares characters with its neighbors: a shorter one's own characters could be a word."""
LONGEST_QUOTED: Final = 8 * 1024
"""URLs have no room for more, and encoding it in all forms is slow."""
MOST_LINES: Final = 4_000
"""Limit for lines of all values together."""
MOST_KEYS: Final = 100
"""Limit for lines searched in encoded form: each may be a key. Values with more are certificates."""
FEW: Final = 64
"""Up to so many forms are searched one by one, which is faster."""

_SECRET_NAME: Final = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|password|passwd|secret|(?:access|refresh|auth|bearer)?[_-]?token|authorization"
    r"|private[_-]?key|secret[_-]?key|credentials?)"
)
_SUSPECT: Final = re.compile(rb"api[_-]?key|passw|secret|token|authorization|private[_-]?key|credential")
"""Matches the JSON of every value with a secret's name, in lower case: case-insensitive search is slow."""

_encode: Final = msgspec.json.Encoder().encode
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_LEFT_ALONE: Final = ("", "/", "!'()*", "!'()*#$&+,/:;=?@")
"""Unescaped characters in percent-encodings: none, Python's `quote`, JavaScript's `encodeURIComponent` and `encodeURI`.
"""
_HEX: Final = re.compile(r"%[0-9A-F]{2}")


class Secrets:
    """Environment values in all forms in which texts may contain them, computed on first use."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(values)

    def hidden(self, text: str) -> str:
        """Mask the secrets in `text`."""
        for form in self._in_text.begun_in(text):
            text = text.replace(form, REDACTED)
        return text

    def hidden_within(self, value: Json, *, by_name: bool = False) -> Json:
        """Mask the secrets in a value of any shape and, `by_name`, texts whose names mark them as secret."""
        if isinstance(value, str):
            return self.hidden(value)
        if isinstance(value, list):
            return [self.hidden_within(item, by_name=by_name) for item in value]
        if isinstance(value, dict):
            return {
                self.hidden(key): REDACTED
                if by_name and isinstance(item, str) and item and _SECRET_NAME.fullmatch(key)
                else self.hidden_within(item, by_name=by_name)
                for key, item in value.items()
            }
        return value

    def may_be_in(self, document: bytes) -> bool:
        """Return whether this JSON may contain a secret, or a text whose name marks it as secret."""
        if _SUSPECT.search(document.lower()) is not None:
            return True
        text = document.decode()
        return any(form in text for form in self._in_json.begun_in(text))

    @cached_property
    def _forms(self) -> set[str]:
        return _forms_of(self._values)

    @cached_property
    def _in_text(self) -> "_Forms":
        return _Forms(self._forms)

    @cached_property
    def _in_json(self) -> "_Forms":
        return _Forms({_encode(form)[1:-1].decode() for form in self._forms})


class _Forms:
    """Texts to search. If there are many, one pass over a text searches for all."""

    def __init__(self, forms: Iterable[str]) -> None:
        self._longest_first = sorted(forms, key=len, reverse=True)  # one may contain another
        self._by_beginning: dict[str, list[str]] = {}
        for form in self._longest_first if len(self._longest_first) > FEW else ():
            self._by_beginning.setdefault(form[:SHORTEST_SECRET], []).append(form)

    def begun_in(self, text: str) -> Sequence[str]:
        """Return the forms that a text may contain, longest first."""
        if not self._by_beginning:
            return self._longest_first
        beginnings = {text[at : at + SHORTEST_SECRET] for at in range(len(text) - SHORTEST_SECRET + 1)}
        begun = (self._by_beginning[beginning] for beginning in self._by_beginning.keys() & beginnings)
        return sorted(chain.from_iterable(begun), key=len, reverse=True)


def _forms_of(values: Iterable[str]) -> set[str]:
    secrets = [value for value in values if len(value) >= SHORTEST_SECRET]
    lines = (line.strip() for value in secrets if "\n" in value for line in value.splitlines())
    long = list(islice((line for line in lines if len(line) >= SHORTEST_LINE), MOST_LINES))
    written = map(_written, chain(secrets, long))
    encoded = map(_encoded, chain(secrets, long[:MOST_KEYS]))
    return set(chain.from_iterable(chain(written, encoded)))


def _written(secret: str) -> Iterator[str]:
    """Yield a value as is, and in JSON."""
    yield secret
    if not _PLAIN.fullmatch(secret):
        yield json.dumps(secret)[1:-1]
        yield json.dumps(secret, ensure_ascii=False)[1:-1]


def _encoded(secret: str) -> Iterator[str]:
    """Yield a value's forms in URLs, in form data, and behind a name in `Authorization`."""
    if len(secret) <= LONGEST_QUOTED and not _PLAIN.fullmatch(secret):
        for quoted in (quote_plus(secret), *(quote(secret, safe=safe) for safe in _LEFT_ALONE)):
            yield quoted
            yield _HEX.sub(lambda escape: escape.group().lower(), quoted)
    if len(secret) >= SHORTEST_ENCODED:
        yield from _in_base64(secret.encode())


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield the characters that depend only on the secret, for each of its three alignments."""
    for before in range(3):
        whole = slice((0, 2, 3)[before], (before + len(secret)) * 8 // 6)
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + secret)[whole].decode()
