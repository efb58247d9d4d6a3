"""How deeply JSON may be nested: whoever works with it later calls itself for each level."""

import re
from itertools import accumulate
from typing import Final

MAX_NESTING: Final = 200
"""Lists and objects within each other: in the body of a call, in what code returns, wherever text is read as JSON."""

_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_NOT_BRACKETS: Final = bytes(code for code in range(256) if code not in _STEPS)


def is_too_deep(document: bytes) -> bool:
    """Whether a JSON document has more levels than may be. How many Python itself can read differs by version."""
    if document.count(b"{") + document.count(b"[") <= MAX_NESTING:
        return False
    brackets = _STRINGS.sub(b"", document).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_NESTING
