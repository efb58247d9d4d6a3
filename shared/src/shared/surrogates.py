"""Halves of UTF-16 pairs, written as escapes: JavaScript's strings may hold one, and JSON elsewhere may not."""

import re
from typing import Final

_HEX: Final = rb"[0-9a-fA-F]{2}"
_PAIR: Final = rb"\\u[dD][89abAB]" + _HEX + rb"\\u[dD][c-fC-F]" + _HEX
# Escaped backslashes go before, so that the other escapes, of which a text is full, need not be looked at.
_FOUND: Final = re.compile(rb"(?<!\\)((?:\\\\)*+)(?:" + _PAIR + rb"|(\\u[dD][89a-fA-F]" + _HEX + rb"))")


def without_halves(document: bytes) -> bytes:
    """The JSON `document` with U+FFFD in place of each."""
    if b"\\ud" not in document and b"\\uD" not in document:
        return document
    return _FOUND.sub(lambda found: found[1] + b"\\ufffd" if found[2] else found[0], document)
