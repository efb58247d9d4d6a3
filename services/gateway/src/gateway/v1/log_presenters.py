"""Run presenters of the v1 logs API."""

from typing import Any, Final

import msgspec

from gateway.runs.answers import http_answer
from gateway.runs.reader import as_number, cost_of
from gateway.web.errors import failure_status
from shared.clock import iso
from shared.contracts.deployments import Workflow
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.workflow.compile.run_files import files_of
from shared.workflow.trace.spans import trace_of

_RESPONSE: Final = "response"
_STATE_PARTS: Final = ("blocks", "edges", "loops", "parallels")


def row(run: RunView) -> dict[str, Any]:
    """Present a run in a list."""
    return {
        "id": run.run_id,
        "workflowId": run.workflow_id,
        "executionId": run.run_id,
        "deploymentVersionId": run.version_id,
        "level": "error" if run.status is RunStatus.FAILED else "info",
        "status": run.status,
        "trigger": run.trigger,
        "version": run.version,
        "isDraft": run.version is None,
        "caller": run.caller_name,
        "startedAt": iso(run.started_at or run.created_at),
        "endedAt": iso(run.ended_at) if run.ended_at else None,
        "totalDurationMs": None if run.duration_ms is None else round(run.duration_ms),
        "cost": cost_of(run),
        "files": files_of(run),
        **({"searchIsCut": True} if run.search_is_cut else {}),
    }


def workflow_facts(run: RunView, workflow: Workflow | None) -> dict[str, Any]:
    """Present the run's workflow; a deleted one has only its id."""
    return {
        "id": run.workflow_id,
        "name": workflow.name if workflow else None,
        "description": workflow.description if workflow else None,
    }


def trace(run: RunView) -> list[Any]:
    """Present the run as a tree of spans."""
    span = trace_of(run)
    return [{**span, "cost": {"total": as_number(run.usage.cost_usd)}} if run.usage.cost_usd else span]


def detail(run: RunView, output: bytes | None, workflow: Workflow | None) -> dict[str, Any]:
    """Present a run in full."""
    return {
        **row(run),
        "workflow": workflow_facts(run, workflow),
        "executionData": {
            "traceSpans": trace(run),
            "finalOutput": None if output is None else msgspec.Raw(output),
            "trigger": run.trigger,
            "status": run.status,
            **_error(run),
        },
        "cost": _cost(run),
        "createdAt": iso(run.created_at),
        "httpStatus": _http_status(run, output),
    }


def execution(run: RunView, state: dict[str, Any] | None) -> dict[str, Any]:
    """Present a run and the workflow state that it executed."""
    listed = row(run)
    metadata = {name: listed[name] for name in ("trigger", "startedAt", "endedAt", "totalDurationMs")}
    return {
        "executionId": run.run_id,
        "workflowId": run.workflow_id,
        "workflowState": None if state is None else {part: state.get(part) for part in _STATE_PARTS},
        "executionMetadata": {**metadata, "cost": _cost(run)},
    }


def _error(run: RunView) -> dict[str, Any]:
    if run.error is None or run.status is not RunStatus.FAILED:
        return {}
    block = {"blockId": run.error.block_id, "blockName": run.error.block_name}
    return {"error": run.error.text, "errorDetails": {**block, "error": run.error.message}}


def _http_status(run: RunView, output: bytes | None) -> int | None:
    """Return the status of the response to a synchronous execute call; None for other runs, and before they end."""
    if run.trigger is not Trigger.API or run.mode is not RunMode.SYNC or not run.status.is_terminal:
        return None
    if run.status is RunStatus.FAILED:
        return failure_status(run.error)
    if run.status is not RunStatus.COMPLETED or not _ends_with_response(run):
        return 200
    return None if output is None else http_answer(output).status


def _ends_with_response(run: RunView) -> bool:
    return any(block.block_type == _RESPONSE and block.success for block in run.blocks)


def _cost(run: RunView) -> dict[str, Any] | None:
    if not run.status.is_terminal:
        return None
    used = run.usage
    total = used.input_tokens + used.output_tokens
    return {
        "total": as_number(used.cost_usd),
        "tokens": {"prompt": used.input_tokens, "completion": used.output_tokens, "total": total},
        "models": {name: _model(spent) for name, spent in used.models.items()},
    }


def _model(spent: dict[str, float]) -> dict[str, Any]:
    counts = {
        name: round(spent.get(key, 0))
        for name, key in (("prompt", "input"), ("completion", "output"), ("total", "total"))
    }
    return {"total": as_number(spent.get("cost", 0)), "tokens": counts}
