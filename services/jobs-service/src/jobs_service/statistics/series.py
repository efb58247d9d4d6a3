"""Statistics of a workspace's runs over time."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.statistics.intervals import (
    DAY_MS,
    Buckets,
    Group,
    IntervalRepository,
    Measures,
    RunCountRepository,
    RunSource,
    buckets_between,
    totals_of,
)
from jobs_service.store import from_ms
from shared.clock import epoch_ms
from shared.contracts.logs import MAX_LOGS, FindLogs
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import (
    FindRunSeries,
    FindRunStatistics,
    RunBucket,
    RunSeries,
    RunStatistics,
    RunStatisticsList,
    RunTotals,
    WorkflowSeries,
)
from shared.service import ServiceName
from shared.store.pagination import PER_MS
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

MAX_PAGES: Final = 20
"""Pages of single runs that one answer counts."""
MAX_SECONDS: Final = 4.0
"""How long an answer counts single runs."""
MAX_WORKFLOWS: Final = 1_000

_ONLY_GROUPED: Final = (
    "run_id",
    "min_duration_ms",
    "max_duration_ms",
    "min_cost_usd",
    "max_cost_usd",
    "model",
    "text",
)
"""Filters that need the single runs."""


@dataclass(slots=True)
class _Sum:
    """Measures, and how many of the runs failed."""

    measures: Measures = field(default_factory=Measures)
    failed: int = 0

    def add(self, more: Measures, *, failed: int) -> None:
        self.measures.add(more)
        self.failed += failed

    @property
    def totals(self) -> RunTotals:
        return totals_of(self.measures, self.failed)


@dataclass(slots=True)
class _Counted:
    """Sums by bucket and by workflow, and runs and errors by both."""

    by_bucket: defaultdict[int, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    by_workflow: defaultdict[str, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    cells: defaultdict[tuple[str, int], tuple[int, int]] = field(default_factory=lambda: defaultdict(lambda: (0, 0)))
    counted_from: datetime | None = None

    def add(self, workflow_id: str, bucket: int, status: str, more: Measures) -> None:
        failed = more.runs if status == RunStatus.FAILED.value else 0
        self.by_bucket[bucket].add(more, failed=failed)
        self.by_workflow[workflow_id].add(more, failed=failed)
        runs, errors = self.cells[workflow_id, bucket]
        self.cells[workflow_id, bucket] = runs + more.runs, errors + failed

    @property
    def totals(self) -> RunTotals:
        total = _Sum()
        for each in self.by_bucket.values():
            total.add(each.measures, failed=each.failed)
        return total.totals


class StatisticsReader:
    """Reader of statistics: stored sums, or single runs where a filter needs them."""

    def __init__(
        self,
        intervals: IntervalRepository,
        counts: RunCountRepository,
        runs: RunSource,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intervals = intervals
        self._counts = counts
        self._runs = runs
        self._clock = clock

    async def read(self, request: FindRunSeries) -> RunSeries:
        """Return statistics over time. Raises InvalidRequest, Unavailable."""
        query, now_ms = request.runs, await self._intervals.now_ms()
        until_ms = now_ms if request.until is None else epoch_ms(request.until)
        since_ms = until_ms - DAY_MS if request.since is None else epoch_ms(request.since)
        buckets = buckets_between(since_ms, until_ms, now_ms=now_ms, shortest_ms=request.interval_ms or 0)
        if any(getattr(query, name) is not None for name in _ONLY_GROUPED):
            counted = await self._count_runs(query, buckets)
        else:
            counted = await self._read_sums(query, buckets)
        return RunSeries(
            interval_ms=buckets.interval_ms,
            buckets=tuple(_bucket(counted, buckets, number) for number in range(buckets.count)),
            totals=counted.totals,
            workflows=await self._by_workflow(query, counted, buckets) if request.by_workflow else (),
            counted_from=counted.counted_from,
        )

    async def _read_sums(self, query: FindLogs, buckets: Buckets) -> _Counted:
        counted, matches = _Counted(), _filter_of(query)
        async for interval in self._intervals.read(
            query.workspace_id,
            buckets.resolution,
            buckets.first_ms,
            buckets.end_ms,
            workflow_ids=query.workflow_ids,
        ):
            bucket = buckets.index_of(interval.start_ms)
            for group, measures in interval.groups.items():
                if matches(group):
                    counted.add(interval.workflow_id, bucket, group.status, measures)
        began_ms = await self._intervals.began_ms()
        if began_ms > buckets.first_ms:
            counted.counted_from = from_ms(began_ms)
        return counted

    async def _count_runs(self, query: FindLogs, buckets: Buckets) -> _Counted:
        """Count the latest matching runs one by one."""
        counted, stops_at = _Counted(), self._clock() + MAX_SECONDS
        page_query = msgspec.structs.replace(
            query,
            since=from_ms(buckets.first_ms),
            until=from_ms(buckets.end_ms - 1),
            limit=MAX_LOGS,
            cursor=None,
            oldest_first=False,
            output=False,
            blocks=False,
        )
        for _ in range(MAX_PAGES):
            page = await self._runs.find(page_query)
            for run in page.runs:
                if run.status.is_terminal and run.started_at is not None:
                    one = Measures()
                    one.add_run(
                        duration_ms=run.duration_ms or 0.0,
                        tokens=run.usage.input_tokens + run.usage.output_tokens,
                        cost_usd=run.usage.cost_usd,
                    )
                    counted.add(run.workflow_id, buckets.index_of(epoch_ms(run.created_at)), run.status.value, one)
            if page.next_cursor is None:
                return counted
            page_query = msgspec.structs.replace(page_query, cursor=page.next_cursor)
            if self._clock() > stops_at:
                break
        counted.counted_from = _time_of(page_query.cursor)
        return counted

    async def _by_workflow(self, query: FindLogs, counted: _Counted, buckets: Buckets) -> tuple[WorkflowSeries, ...]:
        if query.workflow_ids is None:
            known = await self._counts.of_workspace(query.workspace_id, MAX_WORKFLOWS)
        else:
            known = await self._counts.of(query.workspace_id, query.workflow_ids[:MAX_WORKFLOWS])
        ever = {each.workflow_id: each for each in known}
        ids = dict.fromkeys([*ever, *counted.by_workflow])
        return tuple(_series(counted, buckets, workflow_id, ever.get(workflow_id)) for workflow_id in ids)


def _series(counted: _Counted, buckets: Buckets, workflow_id: str, ever: RunStatistics | None) -> WorkflowSeries:
    cells = [counted.cells.get((workflow_id, number), (0, 0)) for number in range(buckets.count)]
    sum_ = counted.by_workflow.get(workflow_id)
    return WorkflowSeries(
        workflow_id=workflow_id,
        runs=tuple(runs for runs, _ in cells),
        errors=tuple(errors for _, errors in cells),
        totals=RunTotals() if sum_ is None else sum_.totals,
        last_ended_at=None if ever is None else ever.last_ended_at,
        last_run=None if ever is None else ever.last_run,
    )


def _bucket(counted: _Counted, buckets: Buckets, number: int) -> RunBucket:
    start, sum_ = from_ms(buckets.first_ms + number * buckets.interval_ms), counted.by_bucket.get(number)
    return RunBucket(start=start) if sum_ is None else RunBucket(start=start, **msgspec.structs.asdict(sum_.totals))


def _filter_of(query: FindLogs) -> Callable[[Group], bool]:
    failed = RunStatus.FAILED.value
    triggers, versions = frozenset(query.triggers), frozenset(query.versions)

    def matches(group: Group) -> bool:
        return (
            (not triggers or group.trigger in triggers)
            and (not versions or group.version in versions)
            and (query.draft is None or query.draft == (group.version is None))
            and (query.status is None or group.status == query.status.value)
            and (query.level is None or (group.status == failed) == (query.level == "error"))
        )

    return matches


def _time_of(cursor: str | None) -> datetime | None:
    """Return the time of a position in the list."""
    return None if cursor is None else from_ms(int(cursor.partition(".")[0]) // PER_MS)


def run_counts_router(run_counts: RunCountRepository, tokens: ServiceTokens) -> APIRouter:
    """Return the route. It takes many workflow ids, so they are in the body."""
    router = APIRouter(prefix="/internal/tallies", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/search")
    async def search(request: Annotated[FindRunStatistics, Depends(struct_body(FindRunStatistics))]) -> Response:
        return StructResponse(RunStatisticsList(tuple(await run_counts.of(request.workspace_id, request.workflow_ids))))

    return router


def statistics_router(statistics: StatisticsReader, tokens: ServiceTokens) -> APIRouter:
    """Return the route of statistics over time. It takes many filters, so they are in the body."""
    router = APIRouter(prefix="/internal/statistics", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/search")
    async def search(request: Annotated[FindRunSeries, Depends(struct_body(FindRunSeries))]) -> Response:
        return StructResponse(await statistics.read(request))

    return router
