"""Time, as a port: wall time for what people read, monotonic time for every wait and limit."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where a component takes its time from; tests hand in one that they move by hand."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()


class SteadyClock:
    """Wall time as of its creation, moved on by the monotonic clock.

    Steps of the wall clock do not show, so times of one short-lived thing stay in order and differ by what it took.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._created_at = clock.now()
        self._created = clock.monotonic()

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        return self._created_at + timedelta(seconds=self._clock.monotonic() - self._created)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment."""
        return self._clock.monotonic()


def iso(moment: datetime) -> str:
    """`moment` as callers see every date: ISO-8601, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_between(earlier: datetime, later: datetime) -> float:
    """Return the milliseconds between two readings of a wall clock; 0 where the clock was set back in between."""
    return max(0.0, (later - earlier).total_seconds() * 1000)


def whole_ms(duration: timedelta) -> int:
    """`duration` in whole milliseconds."""
    return round(duration.total_seconds() * 1000)


def epoch_ms(moment: datetime) -> int:
    """`moment` in whole milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)
