"""`/api/v2/logs/statistics`: runs, errors, durations, tokens and cost over time."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.api.workflows import caller_in, run_filters, with_zone
from gateway.runs.logs import RunLogs
from gateway.runs.views import as_number, split_names
from gateway.v2.routes import NO_STORE, V2Access, v2_router
from gateway.web.bodies import Data, Wire
from shared.clock import iso
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import FindRunSeries, RunSeries, RunTotals, WorkflowSeries
from shared.web.struct_bodies import StructResponse

MAX_INTERVAL_MS = 86_400_000


class Totals(Wire):
    """Numbers of ended runs."""

    runs: int
    errors: int = Field(description="Runs with the status `failed`.")
    p50_ms: float | None = Field(description="Median duration, within 5%; null without runs.")
    p95_ms: float | None
    tokens: int
    cost: float = Field(description="In US dollars.")


class TimeBucket(Totals):
    """Ended runs that were requested within one interval."""

    start: str


class LastRunAnswer(Wire):
    """The run of a workflow that ended last, in any range."""

    id: str
    status: RunStatus


class WorkflowStatistics(Wire):
    """Statistics of one workflow. `runs` and `errors` have a number for each bucket."""

    workflow_id: str
    runs: list[int]
    errors: list[int]
    totals: Totals
    last_ended_at: str | None = Field(description="When a run ended last, in any range; null if none ever did.")
    last_run: LastRunAnswer | None


class Statistics(Wire):
    """Statistics over time, oldest bucket first."""

    interval: int = Field(description="Length of a bucket in milliseconds.")
    buckets: list[TimeBucket] = Field(description="At most 120, aligned to UTC: the first may begin before `from`.")
    totals: Totals
    workflows: list[WorkflowStatistics] | None = Field(None, description="With `by=workflow`.")
    counted_from: str | None = Field(
        description="Runs requested earlier are not counted: too many match, or they precede an upgrade."
    )


def statistics_router(access: V2Access, logs: RunLogs) -> APIRouter:
    """Return the route of statistics, for readers of the workspace."""
    router = v2_router(400, 401, 403, 404, 429, 503, prefix="/api/v2/logs")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type

    @router.get("/statistics", response_model=Data[Statistics], summary="Count runs over time")
    async def statistics(
        caller: AnyCaller,
        filters: Annotated[FindLogs, Depends(run_filters)],
        *,
        since: Annotated[datetime | None, Query(alias="from", description="A day before `to` by default.")] = None,
        until: Annotated[datetime | None, Query(alias="to", description="Now by default.")] = None,
        interval: Annotated[
            int | None,
            Query(
                ge=1, le=MAX_INTERVAL_MS, description="Least length of a bucket in milliseconds; one minute to a day."
            ),
        ] = None,
        by: Literal["workflow"] | None = None,
        folder_ids: Annotated[str | None, Query(alias="folderIds", max_length=10_000)] = None,
    ) -> Response:
        caller = caller_in(caller, filters.workspace_id, Scope.READ)
        query = FindRunSeries(
            runs=filters,
            since=since and with_zone(since),
            until=until and with_zone(until),
            interval_ms=interval,
            by_workflow=by == "workflow",
        )
        found = await logs.statistics(caller, query, folder_ids=split_names(folder_ids))
        return StructResponse({"data": _statistics(found, query)}, headers=NO_STORE)

    return router


def _statistics(found: RunSeries, query: FindRunSeries) -> dict[str, Any]:
    return {
        "interval": found.interval_ms,
        "buckets": [{"start": iso(bucket.start), **_totals(bucket)} for bucket in found.buckets],
        "totals": _totals(found.totals),
        **({"workflows": list(map(_workflow, found.workflows))} if query.by_workflow else {}),
        "countedFrom": None if found.counted_from is None else iso(found.counted_from),
    }


def _workflow(series: WorkflowSeries) -> dict[str, Any]:
    last = series.last_run
    return {
        "workflowId": series.workflow_id,
        "runs": series.runs,
        "errors": series.errors,
        "totals": _totals(series.totals),
        "lastEndedAt": None if series.last_ended_at is None else iso(series.last_ended_at),
        "lastRun": None if last is None else {"id": last.run_id, "status": last.status},
    }


def _totals(totals: RunTotals) -> dict[str, Any]:
    return {
        "runs": totals.runs,
        "errors": totals.errors,
        "p50Ms": totals.p50_ms,
        "p95Ms": totals.p95_ms,
        "tokens": totals.tokens,
        "cost": as_number(totals.cost_usd),
    }
