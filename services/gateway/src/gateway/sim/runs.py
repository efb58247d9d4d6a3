"""Status, cancel and stream of a run, its job, and its pauses."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.authentication import Authentication
from gateway.access.credentials import Caller, Scope
from gateway.access.plans import BucketState, RateKind
from gateway.api.models import cancel_facts
from gateway.runs.logs import UsageReports
from gateway.runs.service import PausedRuns, WorkflowRuns, answer_in, paused_execution, paused_facts
from gateway.runs.views import SELECTED, as_number, block_outputs, cost_of, split_names, status_name
from gateway.sim.errors import run_router
from gateway.sim.models import (
    CancelResult,
    JobStatus,
    PausedContext,
    PausedExecution,
    PausedExecutions,
    Resumed,
    RunState,
)
from gateway.streams.canvas_frames import CanvasStreams
from gateway.web.bodies import Wire, json_value
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import Bucket, Error, Refusal, WorkspaceAccess, answers, bucket, legacy_router, spend_limit
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import Clock, iso, ms_between
from shared.contracts.jobs import RunView
from shared.contracts.runs import ErrorCode, RunStatus
from shared.errors import NotFound
from shared.web.struct_bodies import StructResponse

ESTIMATED_MS: Final = 300_000


_SHOWN: Final = {
    RunStatus.QUEUED: "queued",
    RunStatus.PROCESSING: "processing",
    RunStatus.PAUSED: "processing",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "failed",
}


STARTED: Final = "Resume execution started"


QUEUED: Final = "Resume queued. It runs after the resume in progress."


def runs_router(access: WorkspaceAccess, runs: WorkflowRuns, canvas: CanvasStreams) -> APIRouter:
    """The routes of one run."""
    router = run_router(
        "Runs", 400, 401, 403, 404, 503, prefix="/api/workflows/{workflow_id}/executions/{execution_id}"
    )
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", response_model=RunState, summary="Get the status of a run")
    async def run_state(
        caller: WorkflowCaller,
        workflow_id: str,
        execution_id: str,
        include_output: Annotated[bool, Query(alias="includeOutput")] = False,
        selected_outputs: Annotated[
            str | None, Query(alias="selectedOutputs", max_length=10_000, description=SELECTED)
        ] = None,
    ) -> Response:
        selected = split_names(selected_outputs)
        run, output = await runs.find_with_output(
            caller, workflow_id, execution_id, output=include_output, blocks=bool(selected)
        )
        return StructResponse(run_body(run, output, selected))

    @router.post("/cancel", response_model=CancelResult, summary="Cancel a run", responses=answers(Refusal, 409))
    async def cancel(caller: WorkflowCaller, workflow_id: str, execution_id: str) -> Response:
        answer = await runs.cancel(caller, workflow_id, execution_id)
        return StructResponse({"success": True, "executionId": answer.run_id, **cancel_facts(answer)})

    @router.get(
        "/stream",
        summary="Resume the canvas stream of a run",
        response_class=Response,
        responses={200: {"description": "The events.", "content": {"text/event-stream": {}}}},
    )
    async def stream(
        caller: WorkflowCaller,
        workflow_id: str,
        execution_id: str,
        after: Annotated[int, Query(alias="from", ge=0, le=2**31, description="Last `eventId` received.")] = 0,
    ) -> Response:
        return await canvas.open(caller, workflow_id, execution_id, after=after)

    return router


def run_body(run: RunView, output: bytes | None, selected: list[str]) -> dict[str, Any]:
    """Present a run's status."""
    return {
        "executionId": run.run_id,
        "workflowId": run.workflow_id,
        "status": status_name(run.status),
        "trigger": run.trigger,
        "level": "error" if run.status is RunStatus.FAILED else "info",
        "startedAt": iso(run.started_at) if run.started_at else None,
        "endedAt": iso(run.ended_at) if run.ended_at else None,
        "totalDurationMs": None if run.duration_ms is None else round(run.duration_ms),
        "paused": paused_facts(run),
        "cost": cost_of(run),
        "error": run.error.text if run.error and run.status is RunStatus.FAILED else None,
        "finalOutput": None if output is None else msgspec.Raw(output),
        "blockOutputs": block_outputs(run.blocks, selected),
    }


def jobs_router(
    authentication: Authentication, rate_limits: RateLimitHeaders, jobs: HttpJobsClient, payloads: HttpJobsClient
) -> APIRouter:
    """The job status route."""
    router = legacy_router("Execute", 401, 403, 404, 503)

    @router.get(
        "/api/jobs/{job_id}",
        response_model=JobStatus,
        summary="Get the status of a queued run",
        responses=answers(Error, 401, 403, 404, 503),
    )
    async def job_status(request: Request, job_id: Annotated[str, Path()]) -> Response:
        caller = await authentication.require(request.headers)
        rate_limits.show(request, caller, RateKind.ASYNC)
        try:
            run = await jobs.job(job_id)
        except NotFound:
            raise NotFound("Task not found") from None
        caller = caller.on(run.workspace_id, run.workflow_id)
        caller.require(Scope.READ, Scope.EXECUTE)
        output = None
        if run.status is RunStatus.COMPLETED and run.output is not None:
            output = await payloads.get(run.workspace_id, run.output)
        return StructResponse(job_body(run, output))

    return router


def job_body(run: RunView, output: bytes | None) -> dict[str, Any]:
    """Present `run` for polling, without fields that have no value yet."""
    body: dict[str, Any] = {
        "success": True,
        "taskId": run.job_id or run.run_id,
        "status": _SHOWN[run.status],
        "metadata": _metadata(run),
    }
    if not run.status.is_terminal:
        body["estimatedDuration"] = ESTIMATED_MS
    elif run.status is RunStatus.COMPLETED:
        body["output"] = msgspec.Raw(output or b"null")
    else:
        body["error"] = _error_text(run)
    return body


def _metadata(run: RunView) -> dict[str, Any]:
    times = {"createdAt": run.created_at, "startedAt": run.started_at, "completedAt": run.ended_at}
    metadata: dict[str, Any] = {name: iso(moment) for name, moment in times.items() if moment is not None}
    if run.started_at is not None and run.ended_at is not None:
        metadata["duration"] = round(ms_between(run.started_at, run.ended_at))
    metadata |= {"workflowId": run.workflow_id, "executionId": run.run_id}
    timed_out = run.error is not None and run.error.code is ErrorCode.TIMEOUT
    if timed_out and run.time_limit_ms is not None:
        metadata["maxDurationSeconds"] = run.time_limit_ms // 1000
    return metadata


def _error_text(run: RunView) -> str:
    if run.status is RunStatus.CANCELLED:
        return "Cancelled"
    return run.error.text if run.error is not None else "Execution failed"


def pauses_router(access: WorkspaceAccess, paused_runs: PausedRuns, *, public_url: str) -> APIRouter:
    """The routes of paused runs."""
    router = run_router("Pauses", 400, 401, 403, 404, 503)
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type
    one_run = "/api/resume/{workflow_id}/{execution_id}"

    @router.get("/api/workflows/{workflow_id}/paused", response_model=PausedExecutions, summary="List paused runs")
    async def list_paused(
        caller: WorkflowCaller, workflow_id: str, cursor: Annotated[str | None, Query(max_length=500)] = None
    ) -> Response:
        page = await paused_runs.paused(caller, workflow_id, cursor)
        shown = [paused_execution(run, None, public_url) for run in page.runs]
        return StructResponse({"pausedExecutions": shown, "nextCursor": page.next_cursor})

    @router.get(one_run, response_model=PausedExecution, summary="Get the pauses of a run")
    @router.get(
        "/api/workflows/{workflow_id}/paused/{execution_id}",
        response_model=PausedExecution,
        summary="Get the pauses of a run of this workflow",
    )
    async def find_paused(caller: WorkflowCaller, workflow_id: str, execution_id: str) -> Response:
        run = await paused_runs.find(caller, workflow_id, execution_id)
        return StructResponse(paused_execution(run, await paused_runs.output(run), public_url))

    @router.get(one_run + "/{context_id}", response_model=PausedContext, summary="Get a pause of a run")
    async def find_context(caller: WorkflowCaller, workflow_id: str, execution_id: str, context_id: str) -> Response:
        run = await paused_runs.find(caller, workflow_id, execution_id, context_id)
        execution = paused_execution(run, await paused_runs.output(run), public_url)
        point = next(each for each in execution["pausePoints"] if each["contextId"] == context_id)
        return StructResponse({"execution": execution, "pausePoint": point, "queue": [], "activeResumeEntry": None})

    @router.post(
        one_run + "/{context_id}",
        status_code=202,
        response_model=Resumed,
        summary="Resume a run with an answer",
        responses=answers(Refusal, 409, 413),
    )
    async def resume(
        request: Request, caller: WorkflowCaller, workflow_id: str, execution_id: str, context_id: str
    ) -> Response:
        answer = answer_in(json_value(await request.body()))
        run, resumed = await paused_runs.resume(caller, workflow_id, execution_id, context_id, answer)
        body: dict[str, Any] = {
            "success": True,
            "async": True,
            "status": "started" if resumed.is_next else "queued",
            "jobId": run.job_id,
            "executionId": run.run_id,
            "message": STARTED if resumed.is_next else QUEUED,
            "statusUrl": f"{public_url}/api/jobs/{run.job_id}",
        }
        return StructResponse(body, status_code=202)

    return router


REFUSALS: Final = answers(Error, 401, 403, 503)


class LegacyBucket(Bucket):
    """State of one rate limit."""

    is_limited: bool = Field(description="Whether no calls are left until the reset.")
    limit: int = Field(description="Same as requestsPerMinute.")


class RateLimit(Wire):
    """Limits of calls that start runs."""

    sync: LegacyBucket
    queued: LegacyBucket = Field(alias="async")
    auth_type: Literal["api", "manual"]


class MonthlyUsage(Wire):
    """Spend this month, in US dollars."""

    current_period_cost: int | float
    limit: int | float
    plan: str


class Storage(Wire):
    """Stored files; they are not metered, so all values are 0."""

    used_bytes: int = 0
    limit_bytes: int = 0
    percent_used: float = 0


class UsageLimits(Wire):
    """The caller's limits."""

    success: Literal[True] = True
    rate_limit: RateLimit
    usage: MonthlyUsage
    storage: Storage = Storage()


def usage_router(
    authentication: Authentication, rate_limits: RateLimitHeaders, reports: UsageReports, clock: Clock
) -> APIRouter:
    """Return the usage route, which counts no call."""
    router = legacy_router("Execute", 401, 403, 503)

    @router.get("/api/users/me/usage-limits", summary="Get usage and limits", responses=REFUSALS)
    async def usage_limits(
        request: Request,
        workspace_id: Annotated[
            str | None, Query(alias="workspaceId", description="Defaults to the caller's workspace.")
        ] = None,
    ) -> UsageLimits:
        caller = await authentication.require(request.headers, message="Authentication required")
        caller = caller.within(workspace_id or caller.workspace.id)
        rate_limits.show(request, caller, RateKind.SYNC)
        usage = await reports.of(caller)
        return UsageLimits(
            rate_limit=RateLimit(
                sync=_legacy(usage.sync_calls, clock),
                queued=_legacy(usage.async_calls, clock),
                auth_type="manual" if caller.is_session else "api",
            ),
            usage=MonthlyUsage(
                current_period_cost=as_number(usage.cost_usd), limit=spend_limit(usage), plan=usage.plan
            ),
        )

    return router


def _legacy(state: BucketState, clock: Clock) -> LegacyBucket:
    shown = bucket(state, clock)
    return LegacyBucket(**shown.model_dump(), is_limited=state.remaining == 0, limit=state.rate.per_window)
