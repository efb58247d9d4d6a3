"""Lengths of the intervals that statistics are stored and returned in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.errors import InvalidRequest

MAX_BUCKETS: Final = 120
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
MAX_RANGE_MS: Final = 400 * DAY_MS
LAST_MS: Final = 253_370_764_800_000
"""Start of the year 9999: buckets may end later than their range, but not after the last representable time."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One length of stored intervals, how long they stay, and the lengths that are returned as sums of them."""

    length_ms: int
    lifetime: timedelta
    multiples: tuple[int, ...] = (1,)


MINUTES: Final = Resolution(MINUTE_MS, timedelta(days=2))
TENS: Final = Resolution(10 * MINUTE_MS, timedelta(days=8), (1, 2))
HOURS: Final = Resolution(HOUR_MS, timedelta(days=40), (1, 2))
DAYS: Final = Resolution(DAY_MS, timedelta(days=400), (1, 2, 4))
RESOLUTIONS: Final = (MINUTES, TENS, HOURS, DAYS)
"""Shortest first. A query reads at most four stored intervals for each returned one."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Consecutive buckets, aligned to UTC: the first may begin before the requested time."""

    resolution: Resolution
    interval_ms: int
    first_ms: int
    count: int

    @property
    def end_ms(self) -> int:
        """Return the time after the last bucket."""
        return self.first_ms + self.count * self.interval_ms

    def index_of(self, time_ms: int) -> int:
        """Return the number of the bucket that contains a time."""
        return (time_ms - self.first_ms) // self.interval_ms


def buckets_between(since_ms: int, until_ms: int, *, now_ms: int, shortest_ms: int = 0) -> Buckets:
    """Return the shortest buckets that cover a range and are still stored. Raises InvalidRequest."""
    if since_ms < 0 or until_ms > LAST_MS:
        raise InvalidRequest("The range must be within the years 1970 to 9998")
    if not 0 < until_ms - since_ms <= MAX_RANGE_MS:
        raise InvalidRequest("The end must be later than the start, by 400 days at most")
    for resolution in RESOLUTIONS:
        is_stored = since_ms >= now_ms - resolution.lifetime // timedelta(milliseconds=1) or resolution is DAYS
        for multiple in resolution.multiples:
            interval_ms = multiple * resolution.length_ms
            first_ms = since_ms // interval_ms * interval_ms
            count = -(-(until_ms - first_ms) // interval_ms)
            if is_stored and count <= MAX_BUCKETS and interval_ms >= min(shortest_ms, DAY_MS):
                return Buckets(resolution, interval_ms, first_ms, count)
    raise AssertionError("the longest buckets cover the longest range")
