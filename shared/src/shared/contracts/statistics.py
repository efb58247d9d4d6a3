"""Statistics of workflows, and of runs over time."""

from datetime import datetime

import msgspec

from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus


class LastRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The run of a workflow that ended last."""

    run_id: str
    status: RunStatus


class RunStatistics(msgspec.Struct, frozen=True, omit_defaults=True):
    """Started and ended runs of a workflow, and when the last one ended; the latest may be missing."""

    workspace_id: str
    workflow_id: str
    runs: int
    last_ended_at: datetime
    last_run: LastRun | None = None
    """None if an earlier version counted it."""

    def plus(self, more: "RunStatistics") -> "RunStatistics":
        """Return the sum of both."""
        last = self if self.last_ended_at > more.last_ended_at else more
        return RunStatistics(
            self.workspace_id, self.workflow_id, self.runs + more.runs, last.last_ended_at, last.last_run
        )


class FindRunStatistics(msgspec.Struct, frozen=True):
    """Request the statistics of workflows."""

    workspace_id: str
    workflow_ids: tuple[str, ...]


class RunStatisticsList(msgspec.Struct, frozen=True):
    """Existing statistics; a workflow that never ran has none."""

    tallies: tuple[RunStatistics, ...]


class FindRunSeries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Request statistics over time of the runs that `runs` matches, by default of the last day. Answered by RunSeries.

    The dates, the order and the page of `runs` do not matter.
    """

    runs: FindLogs
    since: datetime | None = None
    until: datetime | None = None
    interval_ms: int | None = None
    """Shortest interval; the answer's may be longer."""
    by_workflow: bool = False


class RunTotals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers of ended runs. Percentiles of their duration are None without runs."""

    runs: int = 0
    errors: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    tokens: int = 0
    cost_usd: float = 0.0


class RunBucket(RunTotals, frozen=True, kw_only=True, omit_defaults=True):
    """Ended runs that were requested within the interval from `start`."""

    start: datetime


class WorkflowSeries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Runs and errors of one workflow in each bucket, and its last run of all time."""

    workflow_id: str
    runs: tuple[int, ...]
    errors: tuple[int, ...]
    totals: RunTotals
    last_ended_at: datetime | None = None
    last_run: LastRun | None = None


class RunSeries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Statistics over time, oldest bucket first."""

    interval_ms: int
    buckets: tuple[RunBucket, ...]
    totals: RunTotals
    workflows: tuple[WorkflowSeries, ...] = ()
    counted_from: datetime | None = None
    """Earlier runs are not counted: too many match, or they ended before statistics were stored."""
