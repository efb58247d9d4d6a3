"""Environment values, which nobody may read who is not told them."""

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
"""Shorter environment values are words like `true` or `80`: hiding them would garble everything."""
SHORTEST_LINE: Final = 16
"""Shorter lines of a longer value are brackets, or words that others use."""
SHORTEST_ENCODED: Final = 12
"""In base64 a value shares characters with its neighbours: what a shorter one has to itself could be a word."""
LONGEST_QUOTED: Final = 8 * 1024
"""No address has room for more, and writing it in all of their ways takes long."""
MOST_LINES: Final = 4_000
"""Of all values together."""
MOST_KEYS: Final = 100
"""Of the lines, that somebody may encode: each may be a key. Who has more has certificates."""
FEW: Final = 64
"""Forms: so many are looked for one by one, which is quicker."""

_SECRET_NAME: Final = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|password|passwd|secret|(?:access|refresh|auth|bearer)?[_-]?token|authorization"
    r"|private[_-]?key|secret[_-]?key|credentials?)"
)
_SUSPECT: Final = re.compile(rb"api[_-]?key|passw|secret|token|authorization|private[_-]?key|credential")
"""What the JSON of every value with such a name contains, in lower case: looking without regard to case is slow."""

_encode: Final = msgspec.json.Encoder().encode
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_LEFT_ALONE: Final = ("", "/", "!'()*", "!'()*#$&+,/:;=?@")
"""By those who percent-encode: all, Python's `quote`, JavaScript's `encodeURIComponent` and its `encodeURI`."""
_HEX: Final = re.compile(r"%[0-9A-F]{2}")


class Secrets:
    """Environment values, in every form in which they may stand in a text: written down when a text is first read."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(values)

    def hidden(self, text: str) -> str:
        """`text` without these."""
        for form in self._in_text.begun_in(text):
            text = text.replace(form, REDACTED)
        return text

    def hidden_within(self, value: Json, *, by_name: bool = False) -> Json:
        """A value of any shape without these, nor, `by_name`, the texts whose names say that they are secrets."""
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
        """Whether what this is the JSON of may hold any, or a text whose name says that it is one."""
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
    """Texts to look for. Where they are many, a text is read once for them all, and not once for each."""

    def __init__(self, forms: Iterable[str]) -> None:
        self._longest_first = sorted(forms, key=len, reverse=True)  # one may hold another
        self._by_beginning: dict[str, list[str]] = {}
        for form in self._longest_first if len(self._longest_first) > FEW else ():
            self._by_beginning.setdefault(form[:SHORTEST_SECRET], []).append(form)

    def begun_in(self, text: str) -> Sequence[str]:
        """Those that a text may hold, the longest first."""
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
    """A value as it is, and as it stands in JSON."""
    yield secret
    if not _PLAIN.fullmatch(secret):
        yield json.dumps(secret)[1:-1]
        yield json.dumps(secret, ensure_ascii=False)[1:-1]


def _encoded(secret: str) -> Iterator[str]:
    """A value as it stands in an address, in a form, and behind a name in `Authorization`."""
    if len(secret) <= LONGEST_QUOTED and not _PLAIN.fullmatch(secret):
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
