"""Masking of environment values."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec

from shared.contracts.jobs import REDACTED
from shared.workflow.format.js_values import Json
from shared.workflow.format.sizes import MAX_NESTING, is_too_deep

MIN_SECRET_CHARS: Final = 6
"""Shorter environment values are words like `true` or `80`: masking them would garble everything."""
MIN_LINE_CHARS: Final = 16
"""Shorter lines of a longer value are brackets, or common words."""
MIN_ENCODED_CHARS: Final = 12
"""In base64 a value shares characters with its neighbors: a shorter one's own characters could be a word."""
MAX_LEVELS: Final = 2 * MAX_NESTING
"""Depth of the search for secrets: loops and called workflows add levels around values of maximum depth."""
MAX_QUOTED_CHARS: Final = 8 * 1024
"""URLs have no room for more, and encoding it in all forms is slow."""
MAX_LINES: Final = 4_000
"""Limit for lines of all values together."""
MAX_ENCODED_LINES: Final = 100
"""Limit for lines searched in encoded form: each may be a key. Values with more are certificates."""
LINEAR_SEARCH_MAX: Final = 64
"""Up to this number, forms are searched one by one, which is faster."""

_SECRET_NAME: Final = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|password|passwd|secret|(?:access|refresh|auth|bearer)?[_-]?token|authorization"
    r"|private[_-]?key|secret[_-]?key|credentials?)"
)
_SUSPECT: Final = re.compile(rb"api[_-]?key|passw|secret|token|authorization|private[_-]?key|credential")
"""Matches the JSON of every value with a secret's name, in lower case: case-insensitive search is slow."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*")
_UNESCAPED: Final = ("", "/", "!'()*", "!'()*#$&+,/:;=?@")
"""Unescaped characters in percent-encodings: none, Python's `quote`, JavaScript's `encodeURIComponent` and `encodeURI`.
"""
_HEX: Final = re.compile(r"%[0-9A-F]{2}")


class Secrets:
    """Environment values in all forms in which texts may contain them, computed on first use."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(values)

    def redact(self, text: str) -> str:
        """Mask the secrets in `text`."""
        if not self._values:
            return text
        for form in self._in_text.candidates_in(text):
            text = text.replace(form, REDACTED)
        return text

    def redact_value(self, value: Json, *, by_name: bool = False) -> Json:
        """Mask the secrets in a value of any shape and, `by_name`, texts whose names mark them as secret."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self.redact_value(item, by_name=by_name) for item in value]
        if isinstance(value, dict):
            return {
                self.redact(key): REDACTED
                if by_name and isinstance(item, str) and item and _SECRET_NAME.fullmatch(key)
                else self.redact_value(item, by_name=by_name)
                for key, item in value.items()
            }
        return value

    def may_occur_in(self, document: bytes) -> bool:
        """Return whether this JSON may contain a secret, or a text whose name marks it as secret."""
        if _SUSPECT.search(document.lower()) is not None:
            return True
        if not self._values:
            return False
        text = document.decode()
        return any(form in text for form in self._in_json.candidates_in(text))

    @cached_property
    def _forms(self) -> set[str]:
        return _forms_of(self._values)

    @cached_property
    def _in_text(self) -> "_Forms":
        return _Forms(self._forms)

    @cached_property
    def _in_json(self) -> "_Forms":
        return _Forms({_encode(form)[1:-1].decode() for form in self._forms})


class EnvironmentNames:
    """Replaces environment values by `{{NAME}}`, in all forms in which texts may contain them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @property
    def key(self) -> frozenset[tuple[str, str]]:
        """Return a key that is equal for equal environments."""
        return frozenset(self._environment.items())

    def mask(self, value: Json) -> Json:
        """Return a value of any shape with names in place of environment values, also in keys."""
        if not self._names:
            return value
        if isinstance(value, str):
            return self._mask_text(value)
        if isinstance(value, list | tuple):
            return [self.mask(item) for item in value]
        if isinstance(value, dict):
            return {self._mask_text(key): self.mask(item) for key, item in value.items()}
        return value

    def mask_json(self, raw: bytes) -> bytes:
        """Return JSON with names in place of environment values; a note of its size if it is nested too deeply."""
        if not self.may_occur_in(raw):
            return raw
        if is_too_deep(raw, MAX_LEVELS):
            return _encode({"truncated": True, "bytes": len(raw)})
        return _encode(self.mask(_decode(raw)))

    def may_occur_in(self, raw: bytes) -> bool:
        """Return whether this JSON may contain an environment value."""
        if not self._names:
            return False
        text = raw.decode()
        return any(form in text for form in self._json_forms.candidates_in(text))

    def _mask_text(self, text: str) -> str:
        for form in self._forms.candidates_in(text):
            text = text.replace(form, self._names[form])
        return text

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {form: f"{{{{{name}}}}}" for name, value in self._environment.items() for form in _forms_of((value,))}

    @cached_property
    def _forms(self) -> "_Forms":
        return _Forms(self._names)

    @cached_property
    def _json_forms(self) -> "_Forms":
        return _Forms({_encode(form)[1:-1].decode() for form in self._names})


class _Forms:
    """Texts to search. If there are many, one pass over a text searches for all."""

    def __init__(self, forms: Iterable[str]) -> None:
        self._longest_first = sorted(forms, key=len, reverse=True)  # one may contain another
        self._by_prefix: dict[str, list[str]] = {}
        for form in self._longest_first if len(self._longest_first) > LINEAR_SEARCH_MAX else ():
            self._by_prefix.setdefault(form[:MIN_SECRET_CHARS], []).append(form)

    def candidates_in(self, text: str) -> Sequence[str]:
        """Return the forms that a text may contain, longest first."""
        if not self._by_prefix:
            return self._longest_first
        prefixes = {text[at : at + MIN_SECRET_CHARS] for at in range(len(text) - MIN_SECRET_CHARS + 1)}
        found = (self._by_prefix[prefix] for prefix in self._by_prefix.keys() & prefixes)
        return sorted(chain.from_iterable(found), key=len, reverse=True)


def _forms_of(values: Iterable[str]) -> set[str]:
    secrets = [value for value in values if len(value) >= MIN_SECRET_CHARS]
    lines = (line.strip() for value in secrets if "\n" in value for line in value.splitlines())
    long = list(islice((line for line in lines if len(line) >= MIN_LINE_CHARS), MAX_LINES))
    plain = map(_plain_forms, chain(secrets, long))
    encoded = map(_encoded_forms, chain(secrets, long[:MAX_ENCODED_LINES]))
    return set(chain.from_iterable(chain(plain, encoded)))


def _plain_forms(secret: str) -> Iterator[str]:
    """Yield a value as is, and in JSON."""
    yield secret
    if not _PLAIN.fullmatch(secret):
        yield json.dumps(secret)[1:-1]
        yield json.dumps(secret, ensure_ascii=False)[1:-1]


def _encoded_forms(secret: str) -> Iterator[str]:
    """Yield a value's forms in URLs, in form data, and behind a name in `Authorization`."""
    if len(secret) <= MAX_QUOTED_CHARS and not _PLAIN.fullmatch(secret):
        for quoted in (quote_plus(secret), *(quote(secret, safe=safe) for safe in _UNESCAPED)):
            yield quoted
            yield _HEX.sub(lambda escape: escape.group().lower(), quoted)
    if len(secret) >= MIN_ENCODED_CHARS:
        yield from _in_base64(secret.encode())


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield the characters that depend only on the secret, for each of its three alignments."""
    for before in range(3):
        whole = slice((0, 2, 3)[before], (before + len(secret)) * 8 // 6)
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + secret)[whole].decode()
