"""Clock port: wall time for people, monotonic time for every wait and limit."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Source of time; tests pass one that they advance manually."""

    def now(self) -> datetime:
        """Return the wall time, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Return monotonic seconds; only differences are meaningful."""


class SystemClock:
    """The system clock."""

    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        """Return the wall time, timezone-aware, in UTC."""
        return datetime.now(UTC)


class SteadyClock:
    """Wall time as of its creation, advanced by the monotonic clock.

    Wall-clock steps have no effect, so timestamps of one short-lived object stay in order and their differences are
    durations.
    """

    def __init__(self, clock: Clock) -> None:
        self.monotonic = clock.monotonic
        self._created_at = clock.now()
        self._created = clock.monotonic()

    def now(self) -> datetime:
        """Return the wall time, timezone-aware, in UTC."""
        return self._created_at + timedelta(seconds=self.monotonic() - self._created)


def iso(moment: datetime) -> str:
    """Return `moment` in the API's date format: ISO-8601, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_between(earlier: datetime, later: datetime) -> float:
    """Return the milliseconds between two wall-clock readings; 0 if the clock was set back in between."""
    return max(0.0, (later - earlier).total_seconds() * 1000)


def whole_ms(duration: timedelta) -> int:
    """Return `duration` in whole milliseconds."""
    return round(duration.total_seconds() * 1000)


def epoch_ms(moment: datetime) -> int:
    """Return `moment` in whole milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)
