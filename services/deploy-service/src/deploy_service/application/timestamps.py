"""Stored wall-clock time."""

from datetime import datetime

from shared.clock import Clock


def timestamp(clock: Clock) -> datetime:
    """Return the time in whole milliseconds, as stored and shown."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
