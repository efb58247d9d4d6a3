"""Limit on the nesting of JSON, which later code processes recursively."""

import re
from functools import cache
from itertools import accumulate
from typing import Final

MAX_NESTING: Final = 200
"""Levels of lists and objects: in a request body, in results of code, and in text parsed as JSON."""

_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_BRACKETS: Final = b"{}[]"
_STRINGS: Final = re.compile(rb'"[^"]*"')


def is_too_deep(document: bytes, most: int = MAX_NESTING) -> bool:
    """Return whether a JSON document exceeds the nesting limit. Python's own limit differs by version."""
    if document.count(b"{") + document.count(b"[") <= most:
        return False
    return max(accumulate(map(_STEPS.__getitem__, outside_strings(document, _BRACKETS))), default=0) > most


def without_text(document: bytes, marks: bytes) -> bytes:
    """Return the `marks` of a JSON document and the quotes that delimit its strings, in order."""
    return document.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _all_but(marks + b'"'))


def outside_strings(document: bytes, marks: bytes) -> bytes:
    """Return the `marks` of a JSON document that are outside of its strings, in order.

    An expression that matches whole strings takes a hundred times their memory.
    """
    return without_strings(without_text(document, marks))


def without_strings(marks: bytes) -> bytes:
    """Return the marks of `without_text` that are outside of strings."""
    # Adjacent quotes enclose no marks, and removing both does not change which marks are inside strings.
    return _STRINGS.sub(b"", marks.replace(b'""', b""))


@cache
def _all_but(kept: bytes) -> bytes:
    return bytes(code for code in range(256) if code not in kept)
