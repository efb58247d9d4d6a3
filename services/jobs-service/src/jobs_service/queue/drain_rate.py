"""Drain rate of a queue, and the retry delay derived from it."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WINDOW_SECONDS: Final = 30.0
"""Older departures fade: their weight falls by e in this time."""
SHORTEST_SECONDS: Final = 1.0
UNKNOWN_RETRY_SECONDS: Final = 10
MAX_RETRY_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Drain:
    """Decayed number of departures from one queue at `at`, counted from a start time."""

    level: float
    since: datetime
    at: datetime

    @classmethod
    def starting(cls, now: datetime) -> "Drain":
        """Start without departures."""
        return cls(0.0, now, now)

    def after(self, departed: int, now: datetime) -> "Drain":
        """Add departures at `now`. A queue that was idle for long is measured afresh."""
        if _seconds(self.at, now) > 4 * WINDOW_SECONDS:
            return Drain(departed, now, now)
        return Drain(self._decayed(now) + departed, self.since, now)

    def per_second(self, now: datetime) -> float | None:
        """Return the recent rate; None if too little is known."""
        level = self._decayed(now)
        if level < 0.05:
            return None
        watched = max(SHORTEST_SECONDS, _seconds(self.since, now))
        return level / (WINDOW_SECONDS * (1 - math.exp(-watched / WINDOW_SECONDS)))

    def _decayed(self, now: datetime) -> float:
        return self.level * math.exp(-_seconds(self.at, now) / WINDOW_SECONDS)


def retry_after(drain: Drain | None, now: datetime) -> int:
    """Return whole seconds until capacity is likely to be free."""
    rate = drain.per_second(now) if drain is not None else None
    if rate is None:
        return UNKNOWN_RETRY_SECONDS
    return min(MAX_RETRY_SECONDS, max(1, math.ceil(1 / rate)))


def expected_wait(drain: Drain | None, queued: int, now: datetime) -> float | None:
    """Return seconds until a run behind `queued` others starts; None if too little is known."""
    if queued <= 0:
        return 0.0
    rate = drain.per_second(now) if drain is not None else None
    return None if rate is None else queued / rate


def _seconds(earlier: datetime, later: datetime) -> float:
    return max(0.0, (later - earlier).total_seconds())
