"""How deeply JSON may be nested: whoever works with it later calls itself for each level."""

import re
from itertools import accumulate
from typing import Final

MAX_NESTING: Final = 200
"""Lists and objects within each other: in the body of a call, in what code returns, wherever text is read as JSON."""

_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_OTHERS: Final = bytes(code for code in range(256) if code not in _STEPS and code != ord('"'))
_STRINGS: Final = re.compile(rb'"[^"]*"')


def is_too_deep(document: bytes, most: int = MAX_NESTING) -> bool:
    """Whether a JSON document has more levels than may be. How many Python itself can read differs by version."""
    if document.count(b"{") + document.count(b"[") <= most:
        return False
    return max(accumulate(map(_STEPS.__getitem__, _brackets(document))), default=0) > most


def _brackets(document: bytes) -> bytes:
    """Those outside of strings. An expression that reads strings as they are takes a hundred times their memory."""
    marks = document.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _OTHERS)
    # Between two quotes side by side nothing is, and to take both away leaves the rest as far within strings as it was.
    return _STRINGS.sub(b"", marks.replace(b'""', b""))
