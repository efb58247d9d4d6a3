"""`/api/workflows/{id}/executions/{executionId}`: status and cancel of a run."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.http.access import WorkspaceAccess
from gateway.http.schemas import Refusal, answers
from gateway.runs.application.workflow_runs import WorkflowRuns
from gateway.runs.domain.pauses import paused_facts
from gateway.runs.domain.run_states import SELECTED, block_outputs, cost_of, split_names, status_name
from gateway.streams.canvas_frames import CanvasStreams
from gateway.wire.common.presenters import cancel_facts
from gateway.wire.legacy.errors import run_router
from gateway.wire.legacy.models import CancelResult, RunState
from shared.clock import iso
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunStatus
from shared.web.routes import StructResponse


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
