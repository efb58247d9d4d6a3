"""The store's own time, which all processes share, however their clocks go."""

from typing import Any, Final

NOW_MS: Final[dict[str, Any]] = {"$toLong": "$$NOW"}
"""Milliseconds since the epoch, in an expression."""
