"""The store's own time, which all processes share, however their clocks go."""

from datetime import timedelta
from typing import Any, Final

from shared.clock import whole_ms

NOW_MS: Final[dict[str, Any]] = {"$toLong": "$$NOW"}
"""Milliseconds since the epoch, in an expression."""


def from_now(wait: timedelta) -> dict[str, Any]:
    """The moment that is so far ahead, in an expression."""
    return {"$add": [NOW_MS, whole_ms(wait)]}
