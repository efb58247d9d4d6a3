"""Limits on the depth and the number of values of JSON documents.

Decoding holds the interpreter lock, and a small text can hold millions of values: 10 MB of empty arrays take 0.7 s and
ten times their size in memory.
"""

import re
from functools import cache
from itertools import accumulate
from typing import Final

MAX_NESTING: Final = 200
"""Levels of lists and objects: in a request body, in results of code, and in text parsed as JSON."""

_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_BRACKETS: Final = b"{}[]"
_STRINGS: Final = re.compile(rb'"[^"]*"')
MAX_VALUES: Final = 500_000
"""JSON values in a request body or in the result of a script. An empty array or object counts twice."""
_MARKS: Final = b"[{,"
_STRINGS_PER_VALUE: Final = 2


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


def has_too_many_values(document: bytes, most: int = MAX_VALUES) -> bool:
    """Return whether a JSON document has more than `most` values.

    Each array, object and comma counts. The common case costs nothing: a document with fewer bytes is not scanned.
    """
    if len(document) <= most or _count(document) <= most:
        return False
    marks = without_text(document, _MARKS)
    # Each value has at most two strings, itself and its key. This bounds the expression's work.
    if marks.count(b'"') > 2 * _STRINGS_PER_VALUE * (most + 1):
        return True
    return _count(without_strings(marks)) > most


def _count(text: bytes) -> int:
    return sum(text.count(mark) for mark in (b"[", b"{", b","))
