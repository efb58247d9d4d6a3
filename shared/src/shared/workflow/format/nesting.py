"""How deeply JSON may be nested: whoever works with it later calls itself for each level."""

import re
from functools import cache
from itertools import accumulate
from typing import Final

MAX_NESTING: Final = 200
"""Lists and objects within each other: in the body of a call, in what code returns, wherever text is read as JSON."""

_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_BRACKETS: Final = b"{}[]"
_STRINGS: Final = re.compile(rb'"[^"]*"')


def is_too_deep(document: bytes, most: int = MAX_NESTING) -> bool:
    """Whether a JSON document has more levels than may be. How many Python itself can read differs by version."""
    if document.count(b"{") + document.count(b"[") <= most:
        return False
    return max(accumulate(map(_STEPS.__getitem__, outside_strings(document, _BRACKETS))), default=0) > most


def without_text(document: bytes, marks: bytes) -> bytes:
    """Return the `marks` of a JSON document and the quotes that delimit its strings, in order."""
    return document.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _all_but(marks + b'"'))


def outside_strings(document: bytes, marks: bytes) -> bytes:
    """Return the `marks` of a JSON document that are outside of its strings, in order.

    An expression that reads strings as they are takes a hundred times their memory.
    """
    return without_strings(without_text(document, marks))


def without_strings(marks: bytes) -> bytes:
    """Return the marks of `without_text` that are outside of strings."""
    # Between two quotes side by side nothing is, and to take both away leaves the rest as far within strings as it was.
    return _STRINGS.sub(b"", marks.replace(b'""', b""))


@cache
def _all_but(kept: bytes) -> bytes:
    return bytes(code for code in range(256) if code not in kept)
