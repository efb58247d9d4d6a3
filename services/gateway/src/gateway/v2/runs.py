"""`/api/v2/workflows/{id}/runs`: list, show, cancel, resume; a run's events, resumable at any time."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.api.models import cancel_facts
from gateway.runs.service import PausedRuns, WorkflowRuns, answer_in, paused_facts
from gateway.runs.views import SELECTED, block_outputs, cost_of, split_names, status_name, status_of
from gateway.streams.durable_stream import MAX_HEARTBEAT_SECONDS, RunEventStreams, last_event_id
from gateway.v2.models import (
    CancelFacts,
    CancelledRuns,
    CancelRunsBody,
    ErrorAnswer,
    QueuedRun,
    ResumeBody,
    RunList,
    RunQuery,
    RunState,
)
from gateway.v2.routes import NO_STORE, V2Access, v2_router
from gateway.web.bodies import Data, json_of
from gateway.web.routes import answers
from shared.clock import iso
from shared.contracts.jobs import RunFilter, RunView
from shared.contracts.runs import RunError, RunOutcome, RunStatus
from shared.errors import NotFound
from shared.ids import public_run_id
from shared.web.struct_bodies import StructResponse


def runs_router(access: V2Access, runs: WorkflowRuns, paused_runs: PausedRuns, *, public_url: str) -> APIRouter:
    """A workflow's runs."""
    router = v2_router(400, 401, 403, 404, 429, 503, prefix="/api/v2/workflows/{workflow_id}/runs")

    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", response_model=RunList, summary="List runs")
    async def list_runs(caller: WorkflowCaller, workflow_id: str, query: Annotated[RunQuery, Query()]) -> Response:
        page = await runs.page(caller, workflow_id, limit=query.limit, cursor=query.cursor, only=filter_of(query))
        body = {"data": [summary(run) for run in page.runs], "nextCursor": page.next_cursor}
        return StructResponse(body, headers=NO_STORE)

    @router.get("/{run_id}", response_model=Data[RunState], summary="Get the status of a run")
    async def get_run(
        caller: WorkflowCaller,
        workflow_id: str,
        run_id: str,
        include_output: Annotated[bool, Query(alias="includeOutput")] = False,
        selected_outputs: Annotated[
            str | None, Query(alias="selectedOutputs", max_length=10_000, description=SELECTED)
        ] = None,
    ) -> Response:
        selected = split_names(selected_outputs)
        try:
            run, output = await runs.find_with_output(
                caller, workflow_id, run_id, output=include_output, blocks=bool(selected)
            )
        except NotFound:
            raise NotFound("Run not found") from None
        return StructResponse({"data": state(run, output, selected)}, headers=NO_STORE)

    @router.post("/cancel", response_model=Data[CancelledRuns], summary="Cancel runs")
    async def cancel_all(
        caller: WorkflowCaller, workflow_id: str, body: Annotated[CancelRunsBody, Depends(json_of(CancelRunsBody))]
    ) -> Response:
        done = await runs.cancel_all(caller, workflow_id, filter_of(body))
        return StructResponse({"data": {"runIds": done.run_ids, "hasMore": done.has_more}}, headers=NO_STORE)

    @router.post(
        "/{run_id}/resume",
        status_code=202,
        response_model=Data[QueuedRun],
        responses=answers(ErrorAnswer, 409, 413),
        summary="Resume a run with an answer",
    )
    async def resume(
        caller: WorkflowCaller,
        workflow_id: str,
        run_id: str,
        body: Annotated[ResumeBody, Depends(json_of(ResumeBody))],
    ) -> Response:
        answer = answer_in({"input": {} if body.input is None else body.input})
        await paused_runs.resume(caller, workflow_id, run_id, body.context_id, answer)
        url = f"{public_url}/api/v2/workflows/{workflow_id}/runs/{run_id}"
        return StructResponse({"data": {"runId": run_id, "statusUrl": url}}, status_code=202, headers=NO_STORE)

    @router.post(
        "/{run_id}/cancel",
        response_model=Data[CancelFacts],
        responses=answers(ErrorAnswer, 409),
        summary="Cancel a run",
    )
    async def cancel(caller: WorkflowCaller, workflow_id: str, run_id: str) -> Response:
        try:
            answer = await runs.cancel(caller, workflow_id, run_id)
        except NotFound:
            raise NotFound("Run not found") from None
        facts = {"success": True, "runId": answer.run_id, **cancel_facts(answer)}
        return StructResponse({"data": facts}, headers=NO_STORE)

    return router


def filter_of(filters: RunQuery | CancelRunsBody) -> RunFilter:
    """Return the filter of runs."""
    return RunFilter(None if filters.status is None else status_of(filters.status), filters.since, filters.until)


def events_router(access: V2Access, streams: RunEventStreams) -> APIRouter:
    """A run's events."""
    router = v2_router(400, 401, 403, 404, 429, 503)

    @router.get(
        "/api/v2/workflows/{workflow_id}/runs/{run_id}/events",
        summary="Stream a run's events, optionally from a given event",
        response_class=Response,
        responses={200: {"description": "The events.", "content": {"text/event-stream": {}}}},
    )
    async def read(
        caller: Annotated[Caller, Depends(access.to_workflow)],
        workflow_id: str,
        run_id: str,
        last_seen: Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)] = None,
        heartbeat: Annotated[int | None, Query(ge=1, le=MAX_HEARTBEAT_SECONDS)] = None,
    ) -> Response:
        after = last_event_id(last_seen)
        try:
            return await streams.open(caller, workflow_id, run_id, after=after, heartbeat_seconds=heartbeat)
        except NotFound:
            raise NotFound("Run not found") from None

    return router


def result(run_id: str, workflow_id: str, outcome: RunOutcome, output: bytes) -> dict[str, Any]:
    """Present the result of a synchronous run."""
    return {
        "runId": run_id,
        "workflowId": workflow_id,
        "status": status_name(outcome.status),
        "output": msgspec.Raw(output),
        "error": fault(outcome.error) if outcome.status is RunStatus.FAILED else None,
        "startedAt": iso(outcome.started_at),
        "endedAt": iso(outcome.ended_at),
        "durationMs": round(outcome.duration_ms),
    }


def summary(run: RunView) -> dict[str, Any]:
    """Present a run in a list."""
    return {
        "runId": run.run_id,
        "workflowId": run.workflow_id,
        "status": status_name(run.status),
        "trigger": run.trigger,
        "startedAt": iso(run.started_at) if run.started_at else None,
        "endedAt": iso(run.ended_at) if run.ended_at else None,
        "durationMs": None if run.duration_ms is None else round(run.duration_ms),
        "cost": cost_of(run),
    }


def state(run: RunView, output: bytes | None, selected: Sequence[str]) -> dict[str, Any]:
    """Present a run's status."""
    shown = summary(run)
    cost = shown.pop("cost")
    return {
        **shown,
        "paused": paused_facts(run),
        "cost": cost,
        "error": fault(run.error) if run.status is RunStatus.FAILED else None,
        "output": None if output is None else msgspec.Raw(output),
        "blockOutputs": block_outputs(run.blocks, selected),
        **({} if run.repair_of is None else {"repairOf": public_run_id(run.repair_of)}),
    }


def fault(error: RunError | None) -> dict[str, Any]:
    """Present a run's error; the block's name is a separate field, not in the message."""
    if error is None:
        return {"message": "Execution failed", "code": "EXECUTION_FAILED"}
    block = {"blockId": error.block_id, "blockName": error.block_name, "blockType": error.block_type}
    named = {name: value for name, value in block.items() if value is not None}
    return {"message": error.message, "code": error.code, **named}
