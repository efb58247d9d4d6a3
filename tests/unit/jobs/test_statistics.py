"""Statistics over time: buckets, sums, percentiles and filters."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support.jobs.makers import NOW, a_run, after

from jobs_service.runs.documents import RunResult
from jobs_service.runs.run import Phase, Run
from jobs_service.statistics.collector import MINUTES_AT_ONCE, StatisticsCollector
from jobs_service.statistics.intervals import (
    DAY_MS,
    DAYS,
    HOUR_MS,
    HOURS,
    MAX_BUCKETS,
    MINUTE_MS,
    MINUTES,
    RESOLUTIONS,
    TENS,
    Group,
    Measures,
    Resolution,
    StoredInterval,
    buckets_between,
)
from jobs_service.statistics.series import MAX_PAGES, StatisticsReader
from shared.clock import epoch_ms
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunMode, RunStatus, Trigger, Usage
from shared.contracts.statistics import FindRunSeries, LastRun, RunStatistics
from shared.errors import InvalidRequest, Unavailable

NOW_MS = epoch_ms(NOW)
API_1, CHAT_2, DRAFT = (
    Group("api", 1, "completed"),
    Group("chat", 2, "failed"),
    Group("manual", None, "completed"),
)


def measures(runs: int = 1, duration_ms: float = 100.0) -> Measures:
    total = Measures()
    for _ in range(runs):
        total.add_run(duration_ms=duration_ms, tokens=10, cost_usd=0.5)
    return total


class FakeIntervals:
    """Stores minutes, and reads them in any resolution."""

    def __init__(self) -> None:
        self.minutes: list[StoredInterval] = []
        self.resolutions: list[Resolution] = []
        self.fails = False
        self.hangs = False
        self.began = 0

    async def add(self, minutes: Sequence[StoredInterval]) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise Unavailable("the store is unavailable")
        self.minutes += minutes

    async def read(
        self,
        workspace_id: str,
        resolution: Resolution,
        since_ms: int,
        until_ms: int,
        *,
        workflow_ids: Sequence[str] | None = None,
    ) -> AsyncIterator[StoredInterval]:
        self.resolutions.append(resolution)
        for minute in self.minutes:
            if since_ms <= minute.start_ms < until_ms and (workflow_ids is None or minute.workflow_id in workflow_ids):
                yield minute

    async def began_ms(self) -> int:
        return self.began

    async def now_ms(self) -> int:
        return NOW_MS


class FakeCounts:
    """Counts of two workflows."""

    stored = (
        RunStatistics("workspace-1", "workflow-1", 9, NOW, LastRun("run-9", RunStatus.FAILED)),
        RunStatistics("workspace-1", "workflow-old", 1, after(-1_000_000), LastRun("old", RunStatus.COMPLETED)),
    )

    async def add(self, more: Sequence[RunStatistics]) -> None:
        raise NotImplementedError

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        return [each for each in self.stored if each.workflow_id in workflow_ids]

    async def of_workspace(self, workspace_id: str, limit: int) -> Sequence[RunStatistics]:
        return self.stored


class FakeRuns:
    """Pages of runs."""

    def __init__(self) -> None:
        self.pages: list[RunPage] = [RunPage(())]
        self.queries: list[FindLogs] = []

    async def find(self, query: FindLogs) -> RunPage:
        self.queries.append(query)
        return self.pages[min(len(self.queries), len(self.pages)) - 1]


@pytest.fixture
def intervals() -> FakeIntervals:
    """Three minutes: 30 minutes ago, an hour ago, and another workflow's."""
    intervals = FakeIntervals()
    intervals.minutes = [
        StoredInterval("workspace-1", "workflow-1", NOW_MS - 30 * MINUTE_MS, {API_1: measures(2), CHAT_2: measures()}),
        StoredInterval("workspace-1", "workflow-1", NOW_MS - 60 * MINUTE_MS, {DRAFT: measures()}),
        StoredInterval("workspace-1", "workflow-2", NOW_MS - 30 * MINUTE_MS, {API_1: measures(duration_ms=1000.0)}),
    ]
    return intervals


@pytest.fixture
def runs() -> FakeRuns:
    return FakeRuns()


@pytest.fixture
def reader(intervals: FakeIntervals, runs: FakeRuns) -> StatisticsReader:
    return StatisticsReader(intervals, FakeCounts(), runs)


def series_query(**filters: Any) -> FindRunSeries:
    return FindRunSeries(runs=FindLogs(workspace_id="workspace-1", **filters))


@pytest.mark.parametrize(
    ("length", "interval_ms", "resolution"),
    [
        (timedelta(minutes=5), MINUTE_MS, MINUTES),
        (timedelta(hours=1), MINUTE_MS, MINUTES),
        (timedelta(hours=6), 10 * MINUTE_MS, TENS),
        (timedelta(days=1), 20 * MINUTE_MS, TENS),
        (timedelta(days=4), HOUR_MS, HOURS),
        (timedelta(days=7), 2 * HOUR_MS, HOURS),
        (timedelta(days=30), DAY_MS, DAYS),
        (timedelta(days=400), 4 * DAY_MS, DAYS),
    ],
)
def test_buckets_are_as_short_as_their_number_allows(
    length: timedelta, interval_ms: int, resolution: Resolution
) -> None:
    since_ms = epoch_ms(NOW - length)
    buckets = buckets_between(since_ms, NOW_MS, now_ms=NOW_MS)

    assert (buckets.interval_ms, buckets.resolution) == (interval_ms, resolution)
    assert buckets.first_ms <= since_ms < buckets.first_ms + interval_ms
    assert buckets.end_ms - interval_ms < NOW_MS <= buckets.end_ms
    assert buckets.count <= MAX_BUCKETS


def test_a_bucket_is_the_sum_of_few_stored_intervals() -> None:
    assert {multiple for resolution in RESOLUTIONS for multiple in resolution.multiples} <= {1, 2, 4}


def test_an_old_range_has_the_buckets_that_are_still_stored() -> None:
    since_ms = NOW_MS - 20 * DAY_MS
    assert buckets_between(since_ms, since_ms + HOUR_MS, now_ms=NOW_MS).resolution is HOURS


def test_buckets_are_at_least_as_long_as_requested_up_to_a_day() -> None:
    hourly = buckets_between(NOW_MS - DAY_MS, NOW_MS, now_ms=NOW_MS, shortest_ms=HOUR_MS)
    longest = buckets_between(NOW_MS - DAY_MS, NOW_MS, now_ms=NOW_MS, shortest_ms=9 * DAY_MS)
    assert (hourly.interval_ms, longest.interval_ms) == (HOUR_MS, DAY_MS)


@pytest.mark.parametrize("length_ms", [0, -1, 401 * DAY_MS])
def test_a_range_that_is_empty_or_too_long_is_refused(length_ms: int) -> None:
    with pytest.raises(InvalidRequest):
        buckets_between(NOW_MS - length_ms, NOW_MS, now_ms=NOW_MS)


@pytest.mark.parametrize("duration_ms", [0.2, 3.0, 120.0, 4_711.0, 86_400_000.0])
def test_percentiles_are_within_five_percent(duration_ms: float) -> None:
    found = measures(100, duration_ms).percentile(0.5)
    assert found is not None
    assert found == pytest.approx(max(duration_ms, 1.0), rel=0.06)


def test_percentiles_are_those_of_all_added_measures() -> None:
    total = measures(94, 10.0)
    total.add(measures(6, 1000.0))
    assert total.percentile(0.5) == pytest.approx(10, rel=0.06)
    assert total.percentile(0.95) == pytest.approx(1000, rel=0.06)
    assert Measures().percentile(0.5) is None


async def test_totals_sum_all_buckets(reader: StatisticsReader) -> None:
    found = await reader.read(series_query())

    assert (found.totals.runs, found.totals.errors, found.totals.tokens, found.totals.cost_usd) == (5, 1, 50, 2.5)
    assert sum(bucket.runs for bucket in found.buckets) == 5
    assert found.buckets[0].start <= NOW - timedelta(days=1)
    assert [bucket.runs for bucket in found.buckets if bucket.runs] == [1, 4]
    assert found.counted_from is None


@pytest.mark.parametrize(
    ("filters", "runs_and_errors"),
    [
        ({"workflow_ids": ("workflow-1",)}, (4, 1)),
        ({"workflow_ids": ()}, (0, 0)),
        ({"triggers": ("api",)}, (3, 0)),
        ({"versions": (1, 2)}, (4, 1)),
        ({"versions": (2,)}, (1, 1)),
        ({"draft": True}, (1, 0)),
        ({"draft": False}, (4, 1)),
        ({"status": RunStatus.FAILED}, (1, 1)),
        ({"status": RunStatus.QUEUED}, (0, 0)),
        ({"level": "error"}, (1, 1)),
        ({"level": "info"}, (4, 0)),
    ],
)
async def test_stored_sums_are_filtered_by_group(
    reader: StatisticsReader, runs: FakeRuns, filters: dict[str, Any], runs_and_errors: tuple[int, int]
) -> None:
    totals = (await reader.read(series_query(**filters))).totals
    assert (totals.runs, totals.errors) == runs_and_errors
    assert not runs.queries


async def test_each_workflow_has_a_series_and_its_last_run_of_all_time(reader: StatisticsReader) -> None:
    found = await reader.read(msgspec.structs.replace(series_query(), by_workflow=True))
    by_id = {series.workflow_id: series for series in found.workflows}

    assert by_id.keys() == {"workflow-1", "workflow-2", "workflow-old"}
    first, old = by_id["workflow-1"], by_id["workflow-old"]
    assert (sum(first.runs), sum(first.errors), len(first.runs)) == (4, 1, len(found.buckets))
    assert (first.last_run, first.last_ended_at) == (LastRun("run-9", RunStatus.FAILED), NOW)
    assert (old.totals.runs, old.last_run) == (0, LastRun("old", RunStatus.COMPLETED))


async def test_series_are_only_of_the_requested_workflows(reader: StatisticsReader) -> None:
    query = msgspec.structs.replace(series_query(workflow_ids=("workflow-2",)), by_workflow=True)
    assert [series.workflow_id for series in (await reader.read(query)).workflows] == ["workflow-2"]


async def test_a_range_before_the_first_stored_statistics_reports_its_gap(
    reader: StatisticsReader, intervals: FakeIntervals
) -> None:
    intervals.began = NOW_MS - HOUR_MS
    assert (await reader.read(series_query())).counted_from == after(-3600)


def a_view(minutes_ago: int, status: RunStatus = RunStatus.COMPLETED) -> RunView:
    requested = NOW - timedelta(minutes=minutes_ago)
    return RunView(
        run_id="r",
        workspace_id="workspace-1",
        workflow_id="workflow-1",
        status=status,
        mode=RunMode.SYNC,
        trigger=Trigger.API,
        created_at=requested,
        started_at=requested,
        duration_ms=100.0,
        usage=Usage(6, 4, 0.5),
    )


async def test_other_filters_count_the_runs_that_a_search_finds(reader: StatisticsReader, runs: FakeRuns) -> None:
    failed, open_ = a_view(60, RunStatus.FAILED), a_view(1, RunStatus.PROCESSING)
    runs.pages = [RunPage((open_, a_view(30)), "1.x"), RunPage((failed,))]
    found = await reader.read(series_query(text="4711", output=True))

    assert (found.totals.runs, found.totals.errors, found.totals.tokens, found.totals.cost_usd) == (2, 1, 20, 1.0)
    assert found.counted_from is None
    first, second = runs.queries
    assert (first.text, first.output, first.cursor, second.cursor) == ("4711", False, None, "1.x")
    assert first.since == found.buckets[0].start


async def test_a_search_over_its_limit_counts_the_latest_runs(reader: StatisticsReader, runs: FakeRuns) -> None:
    runs.pages = [RunPage((a_view(30),), f"{(NOW_MS - HOUR_MS) * 4096}.x")]
    found = await reader.read(series_query(model="gpt-5"))

    assert len(runs.queries) == MAX_PAGES
    assert found.counted_from == after(-3600)


def ended(seconds_ago: float, **fields: Any) -> Run:
    known: dict[str, Any] = {"created_at": after(-seconds_ago), "started_at": NOW, "ended_at": after(2)}
    return a_run(Phase.COMPLETED, **{**known, "trigger": "api", "version": 1, **fields})


async def test_ended_runs_are_summed_by_the_minute_of_their_request(intervals: FakeIntervals) -> None:
    intervals.minutes = []
    collector = StatisticsCollector(intervals)
    for run in (ended(1), ended(2), ended(61), a_run(Phase.PROCESSING, started_at=NOW), a_run(Phase.CANCELLED)):
        collector.add(run, RunResult(usage=Usage(3, 4, 0.25), duration_ms=50.0))
    collector.add(ended(1, version=None), None)
    await collector.step()

    stored = {each.start_ms: each.groups for each in intervals.minutes}
    assert stored.keys() == {NOW_MS - MINUTE_MS, NOW_MS - 2 * MINUTE_MS}
    minute = stored[NOW_MS - MINUTE_MS]
    assert (minute[API_1].runs, minute[API_1].tokens, minute[API_1].cost_usd) == (2, 14, 0.5)
    assert minute[Group("api", None, "completed")].percentile(0.5) == pytest.approx(2000, rel=0.06)


async def test_statistics_of_many_workflows_are_stored_in_several_steps(intervals: FakeIntervals) -> None:
    intervals.minutes = []
    collector = StatisticsCollector(intervals)
    for number in range(2 * MINUTES_AT_ONCE):
        collector.add(ended(1, workflow_id=f"workflow-{number}"), None)

    await collector.step_some()
    assert len(intervals.minutes) == MINUTES_AT_ONCE
    await collector.step_some()
    await collector.step_some()
    assert len(intervals.minutes) == 2 * MINUTES_AT_ONCE


async def test_statistics_that_could_not_be_stored_are_stored_later(intervals: FakeIntervals) -> None:
    intervals.minutes = []
    collector = StatisticsCollector(intervals)
    collector.add(ended(1), None)
    intervals.fails = True
    with pytest.raises(Unavailable):
        await collector.step()
    intervals.fails, intervals.hangs = False, True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await collector.step()
    intervals.hangs = False
    collector.add(ended(2), None)

    await collector.step()
    await collector.step()

    assert [each.groups[API_1].runs for each in intervals.minutes] == [2]


@pytest.mark.parametrize(
    ("since", "until"),
    [("0001-01-01T00:00:00Z", "0001-06-01T00:00:00Z"), ("9999-01-01T00:00:00Z", "9999-12-31T23:59:59Z")],
)
def test_a_range_at_the_end_of_time_is_refused(since: str, until: str) -> None:
    times = (epoch_ms(datetime.fromisoformat(time)) for time in (since, until))
    with pytest.raises(InvalidRequest, match="1970"):
        buckets_between(*times, now_ms=NOW_MS)
