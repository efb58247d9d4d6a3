"""Halves of UTF-16 pairs: JavaScript's strings may hold one, and JSON elsewhere may not.

In documents as they came, which are refused for one, and in values that were read in JavaScript's way. The second is
several times faster where a document is full of them.
"""

import re
from typing import Any, Final

HALF: Final = re.compile("[\ud800-\udfff]")

_HEX: Final = rb"[0-9a-fA-F]{2}"
_PAIR: Final = rb"\\u[dD][89abAB]" + _HEX + rb"\\u[dD][c-fC-F]" + _HEX
# Escaped backslashes go before, so that the other escapes, of which a text is full, need not be looked at.
_FOUND: Final = re.compile(rb"(?<!\\)((?:\\\\)*+)(?:" + _PAIR + rb"|(\\u[dD][89a-fA-F]" + _HEX + rb"))")
_ESCAPED: Final = re.compile(r"\\u[dD][89a-fA-F]")
_REPLACEMENT: Final = "\ufffd"


def without_halves(document: bytes) -> bytes:
    """The JSON `document` with U+FFFD in place of each that is written as an escape."""
    if b"\\ud" not in document and b"\\uD" not in document:
        return document
    return _FOUND.sub(lambda found: found[1] + b"\\ufffd" if found[2] else found[0], document)


def may_escape_halves(text: str) -> bool:
    """Whether what is read from this JSON may hold any: it has such escapes, be they of whole pairs."""
    return "\\u" in text and _ESCAPED.search(text) is not None


def whole(value: Any) -> Any:
    """The JSON `value` with U+FFFD in place of each."""
    if isinstance(value, str):
        return value if value.isascii() else HALF.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {HALF.sub(_REPLACEMENT, key): whole(item) for key, item in value.items()}
    return value
