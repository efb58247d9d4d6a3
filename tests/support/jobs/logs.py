"""Recorded runs and their lists, as the gateway reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome

from shared.contracts.jobs import BlockLog, RunPage
from shared.contracts.logs import FindLogs
from shared.contracts.messages import RunRecorded
from shared.contracts.runs import RunMode, RunStatus, SnapshotRef, Trigger

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def a_log(name: str = "Agent", **fields: Any) -> BlockLog:
    return BlockLog(
        block_id="b",
        block_name=name,
        block_type="agent",
        started_at=NOW,
        ended_at=NOW,
        duration_ms=1.0,
        success=True,
        execution_order=1,
        **fields,
    )


def a_record(run_id: str, minute: int, **fields: Any) -> RunRecorded:
    """Return a run that started `minute` minutes after noon."""
    workflow = fields.pop("workflow", "wf-1")
    started = NOW + timedelta(minutes=minute)
    outcome = an_outcome(fields.pop("status", RunStatus.COMPLETED))
    outcome = msgspec.structs.replace(outcome, started_at=started, duration_ms=fields.pop("duration_ms", 10.0))
    spec = a_spec(run_id, mode=RunMode.SYNC, trigger=fields.pop("trigger", Trigger.API), caller_name="Backend")
    workspace = fields.pop("workspace", WORKSPACE)
    snapshot = SnapshotRef(workspace, workflow, "0" * 64, version=3, version_id="v-3")
    return RunRecorded(msgspec.structs.replace(spec, snapshot=snapshot), outcome, **fields)


async def find(system: System, **query: Any) -> RunPage:
    body = FindLogs(**{"workspace_id": WORKSPACE, **query})
    return await system.gateway.client.call("POST", "/internal/logs/search", body=body, returns=RunPage)


async def found(system: System, **query: Any) -> Sequence[str]:
    return [run.run_id for run in (await find(system, **query)).runs]
