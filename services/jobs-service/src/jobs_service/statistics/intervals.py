"""Lengths of the intervals that statistics are stored and returned in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import exp, log
from typing import Final, NamedTuple, Protocol

from shared.contracts.jobs import RunPage
from shared.contracts.logs import FindLogs
from shared.contracts.statistics import RunStatistics, RunTotals
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


_GROWTH: Final = log(1.1)
"""Logarithm of the ratio of two neighboring bounds: a percentile is within 5% of the exact one."""


@dataclass(slots=True)
class Measures:
    """Runs, tokens, costs, and the number of durations in each logarithmic bucket."""

    runs: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    durations: dict[int, int] = field(default_factory=dict)

    def add_run(self, *, duration_ms: float, tokens: int, cost_usd: float) -> None:
        """Add one run."""
        self.runs += 1
        self.tokens += tokens
        self.cost_usd += cost_usd
        bucket = int(log(duration_ms) / _GROWTH) if duration_ms > 1 else 0
        self.durations[bucket] = self.durations.get(bucket, 0) + 1

    def add(self, more: "Measures") -> None:
        """Add the runs of `more`."""
        self.runs += more.runs
        self.tokens += more.tokens
        self.cost_usd += more.cost_usd
        for bucket, count in more.durations.items():
            self.durations[bucket] = self.durations.get(bucket, 0) + count

    def percentile(self, share: float) -> float | None:
        """Return the duration in milliseconds that `share` of the runs do not exceed; None without runs."""
        rank, seen = share * sum(self.durations.values()), 0
        for bucket in sorted(self.durations):
            seen += self.durations[bucket]
            if seen >= rank:
                return round(exp((bucket + 0.5) * _GROWTH), 1)
        return None


class Group(NamedTuple):
    """Properties by which statistics can be filtered. `version` is None for drafts."""

    trigger: str
    version: int | None
    status: str


Groups = Mapping[Group, Measures]


def totals_of(all_: Measures, failed: int) -> RunTotals:
    """Return the totals of some runs."""
    return RunTotals(
        runs=all_.runs,
        errors=failed,
        p50_ms=all_.percentile(0.5),
        p95_ms=all_.percentile(0.95),
        tokens=all_.tokens,
        cost_usd=round(all_.cost_usd, 9),
    )


class RunCountRepository(Protocol):
    """Number of ended runs of each workflow, and the time of the last end."""

    async def add(self, more: Sequence[RunStatistics]) -> None:
        """Add to the counts of these workflows."""

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        """Return the counts of these workflows; none for one that never ran."""

    async def of_workspace(self, workspace_id: str, limit: int) -> Sequence[RunStatistics]:
        """Return the counts of up to `limit` workflows."""


@dataclass(frozen=True, slots=True)
class StoredInterval:
    """Statistics of one workflow in one interval."""

    workspace_id: str
    workflow_id: str
    start_ms: int
    groups: Groups


class IntervalRepository(Protocol):
    """Statistics of workflows by interval, in each resolution."""

    async def add(self, minutes: Sequence[StoredInterval]) -> None:
        """Add the runs of these minutes to their intervals of every resolution."""

    def read(
        self,
        workspace_id: str,
        resolution: Resolution,
        since_ms: int,
        until_ms: int,
        *,
        workflow_ids: Sequence[str] | None = None,
    ) -> AsyncIterator[StoredInterval]:
        """Yield the intervals that start within the range, which is aligned to the resolution."""

    async def began_ms(self) -> int:
        """Return the time from which on runs are counted; 0 if no earlier runs were stored."""

    async def now_ms(self) -> int:
        """Return the store's time."""


class RunSource(Protocol):
    """Search of single runs."""

    async def find(self, query: FindLogs) -> RunPage:
        """Return a page of runs. Raises InvalidRequest, Unavailable."""
