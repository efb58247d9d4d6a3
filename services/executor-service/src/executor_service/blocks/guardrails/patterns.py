"""Regular expressions of authors, on an engine that no expression can bring to its knees."""

from functools import lru_cache
from typing import Final

import re2  # type: ignore[import-untyped]  # it has no types of its own

MAX_MEMORY: Final = 8 << 20


class BadPattern(Exception):
    """An expression that the engine cannot take; the text says why."""


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> "re2._Regexp":
    """The compiled expression. Raises BadPattern, for look-around and back references too."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        cause = error.args[0] if error.args else b""
        text = cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
        raise BadPattern(f"{text} (look-around and back references are not supported)") from error
