"""`GET /api/jobs/{jobId}`: status of a queued run."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.application.authentication import Authentication
from gateway.access.domain.credentials import Scope
from gateway.access.domain.rate_limits import RateKind
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.http.routers import legacy_router
from gateway.http.schemas import Error, answers
from gateway.runs.ports import Jobs, Payloads
from gateway.wire.legacy.models import JobStatus
from shared.clock import iso, ms_between
from shared.contracts.jobs import RunView
from shared.contracts.runs import ErrorCode, RunStatus
from shared.errors import NotFound
from shared.web.routes import StructResponse

ESTIMATED_MS: Final = 300_000

_SHOWN: Final = {
    RunStatus.QUEUED: "queued",
    RunStatus.PROCESSING: "processing",
    RunStatus.PAUSED: "processing",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "failed",
}


def jobs_router(
    authentication: Authentication, rate_limits: RateLimitHeaders, jobs: Jobs, payloads: Payloads
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
