"""Authors' regular expressions, on an engine with bounded cost."""

from functools import lru_cache
from typing import Final

import re2  # type: ignore[import-untyped]  # untyped

MAX_MEMORY: Final = 8 << 20
MAX_CACHED: Final = 32
"""Cached patterns. Each retains up to MAX_MEMORY while it is cached."""
MAX_WORK: Final = 500_000_000
"""Characters times instructions: at most about a second of one core."""


class BadPattern(Exception):
    """An unsupported expression; the text says why."""


def pattern_for(text: str, pattern: str) -> "re2._Regexp":
    """Return the expression, ready to search `text`. Raises BadPattern: look-around, back references, too much work."""
    compiled = _compile(pattern)
    if len(text) * compiled.programsize > MAX_WORK:
        raise BadPattern(f"the pattern is too complex for a text of {len(text)} characters")
    return compiled


@lru_cache(maxsize=MAX_CACHED)
def _compile(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    re2.purge()  # the library has another cache of 128 patterns
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        cause = error.args[0] if error.args else b""
        text = cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
        raise BadPattern(f"{text} (look-around and back references are not supported)") from error
