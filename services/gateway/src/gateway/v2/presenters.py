"""Run presenters of the v2 API."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.runs.pauses import paused_facts
from gateway.runs.reader import block_outputs, cost_of, status_name
from shared.clock import iso
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunError, RunOutcome, RunStatus
from shared.ids import public_run_id


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
