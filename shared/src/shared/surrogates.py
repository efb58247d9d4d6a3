"""Lone UTF-16 surrogates: allowed in JavaScript's strings, but not in JSON elsewhere.

They are replaced in raw documents, which would be refused, and in values parsed as JavaScript does. The second is
several times faster if a document has many.
"""

import re
from typing import Any, Final

LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_HEX: Final = rb"[0-9a-fA-F]{2}"
_PAIR: Final = rb"\\u[dD][89abAB]" + _HEX + rb"\\u[dD][c-fC-F]" + _HEX
# Match escaped backslashes first, so that the other escapes, of which a text is full, need no check.
_FOUND: Final = re.compile(rb"(?<!\\)((?:\\\\)*+)(?:" + _PAIR + rb"|(\\u[dD][89a-fA-F]" + _HEX + rb"))")
_ESCAPED: Final = re.compile(r"\\u[dD][89a-fA-F]")
_REPLACEMENT: Final = "\ufffd"


def replace_escaped_surrogates(document: bytes) -> bytes:
    """Return the JSON `document` with U+FFFD for each escaped lone surrogate."""
    if b"\\ud" not in document and b"\\uD" not in document:
        return document
    return _FOUND.sub(lambda found: found[1] + b"\\ufffd" if found[2] else found[0], document)


def lone_escape(document: bytes) -> int | None:
    """Return the position of the first escaped lone surrogate of a JSON document; None without one."""
    return next((found.start(2) for found in _FOUND.finditer(document) if found[2]), None)


def may_escape_surrogates(text: str) -> bool:
    """Return whether this JSON text may contain any: it has surrogate escapes, paired or not."""
    return "\\u" in text and _ESCAPED.search(text) is not None


def replace_surrogates(value: Any) -> Any:
    """Return the JSON `value` with U+FFFD for each."""
    if isinstance(value, str):
        return value if value.isascii() else LONE_SURROGATE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {LONE_SURROGATE.sub(_REPLACEMENT, key): replace_surrogates(item) for key, item in value.items()}
    return value
