"""Limit on the number of values in a JSON document.

Decoding holds the interpreter lock, and a small text can hold millions of values: 10 MB of empty arrays take 0.7 s and
ten times their size in memory.
"""

from typing import Final

from shared.workflow.format.nesting import without_strings, without_text

MAX_VALUES: Final = 500_000
"""JSON values in a request body or in the result of a script. An empty array or object counts twice."""

_MARKS: Final = b"[{,"
_STRINGS_PER_VALUE: Final = 2


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
