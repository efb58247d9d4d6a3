"""`/api/resume/…` and `/api/workflows/{id}/paused`: pauses of runs, and answers."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.http.access import WorkspaceAccess
from gateway.http.bodies import json_value
from gateway.http.schemas import Refusal, answers
from gateway.runs.application.resume import PausedRuns
from gateway.runs.domain.pauses import answer_in, paused_execution
from gateway.wire.legacy.errors import run_router
from gateway.wire.legacy.models import PausedContext, PausedExecution, PausedExecutions, Resumed
from shared.web.routes import StructResponse

STARTED: Final = "Resume execution started"
QUEUED: Final = "Resume queued. It runs after the resume in progress."


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
