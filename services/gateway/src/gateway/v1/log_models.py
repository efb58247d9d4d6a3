"""Bodies of the v1 logs API."""

from typing import Any, Final

import msgspec
from pydantic import Field

from gateway.api.models import Cost
from gateway.runs.views import as_number, cost_of, http_answer
from gateway.web.bodies import Wire
from gateway.web.errors import failure_status
from gateway.web.routes import Limits
from shared.clock import iso
from shared.contracts.deployments import Workflow
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.workflow.compile.run_files import files_of
from shared.workflow.trace.spans import trace_of


class FullCost(Cost):
    """The same, itemized."""

    tokens: dict[str, int]
    models: dict[str, dict[str, Any]]


class LogRow(Wire):
    """Run in a list."""

    id: str
    workflow_id: str
    execution_id: str
    deployment_version_id: str | None
    level: str = Field(description="`error` if the run failed, otherwise `info`.")
    status: RunStatus = Field(description="More detailed than `level`.")
    trigger: str
    version: int | None = Field(description="Number of the version that ran; null for a draft.")
    is_draft: bool
    caller: str | None = Field(description="Name of the key or user that called; null for public calls.")
    started_at: str
    ended_at: str | None
    total_duration_ms: int | None
    cost: Cost | None
    files: list[dict[str, Any]] | None = Field(description="Files that the caller sent; only with block details.")
    workflow: dict[str, Any] | None = Field(None, description="With `details=full`: id, name and description.")
    trace_spans: list[dict[str, Any]] | None = None
    final_output: Any = None
    search_is_cut: bool = Field(
        False,
        description="The values have more words than the search index stores: `q` finds the run by a part of them.",
    )


class ExecutionData(Wire):
    """Execution details of a run."""

    trace_spans: list[dict[str, Any]]
    final_output: Any
    trigger: str
    status: str
    error: str | None = None
    error_details: dict[str, Any] | None = None


class LogDetail(LogRow):
    """Run in full."""

    cost: FullCost | None = None
    execution_data: ExecutionData
    created_at: str
    http_status: int | None = Field(
        None, description="Status of the response to `POST /api/workflows/{id}/execute`; null unless it is synchronous."
    )


class LogList(Wire):
    data: list[LogRow]
    next_cursor: str | None = None
    limits: Limits


class ExecutionAnswer(Wire):
    """Run and the workflow state that it executed."""

    execution_id: str
    workflow_id: str
    workflow_state: dict[str, Any] | None
    execution_metadata: dict[str, Any]
    limits: Limits


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
