"""The store's clock in aggregation expressions."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from shared.clock import whole_ms

NOW_MS: Final[dict[str, Any]] = {"$toLong": "$$NOW"}
"""Milliseconds since the epoch, in an expression."""


def add_server_time(*, blank: Iterable[str] = ()) -> dict[str, Any]:
    """Return a stage that adds the time to each document, as `now_ms`; fields in `blank` become null.

    A single stage, because SecantusDB copies the whole document for each `$set` and `$project`.
    """
    return {"$replaceWith": {"$mergeObjects": ["$$ROOT", {**dict.fromkeys(blank), "now_ms": NOW_MS}]}}


def server_time_after(wait: timedelta) -> dict[str, Any]:
    """Return an expression for the time `wait` from now."""
    return {"$add": [NOW_MS, whole_ms(wait)]}
