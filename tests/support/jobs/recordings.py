"""Recordings of runs, stored and read through a jobs-service."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, an_outcome

from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import PackedRecording, RecordingSummary
from shared.contracts.runs import RunSpec, RunStatus, Usage
from shared.ids import run_key
from shared.recording_packs import ToPack, pack_recordings
from shared.security.current_ticket import current_ticket

PLAIN = b'{"runId":"R1","workspaceId":"w","workflowId":"f","input":"a very private question"}'


async def put(
    system: System,
    run: str = "R1",
    content: bytes = PLAIN,
    *,
    revision: int = 1,
    workspace_id: str = WORKSPACE,
    **more: Any,
) -> dict[str, str]:
    """Store the recording of a run of this workspace; return the reason of a refusal, by run."""
    summary = RecordingSummary(
        **{
            "run_id": run_key(workspace_id, run),
            "workflow_id": WORKFLOW,
            "status": RunStatus.COMPLETED,
            "started_at": datetime.now(UTC),
            "size": len(content),
            **more,
        }
    )
    packed = PackedRecording(summary, len(content), current_ticket())
    return await put_batch(system, (workspace_id, RecordRun(1, revision), packed, content))


def batched(
    run: str,
    *,
    ticket: str = "",
    workflow_id: str = WORKFLOW,
    revision: int = 1,
    answer: object = None,
    **more: Any,
) -> ToPack:
    """Return the recording of a run to be packed."""
    content = msgspec.json.encode({"runId": run, "input": f"question of {run}" if answer is None else answer})
    summary = RecordingSummary(
        run_id=run_key(WORKSPACE, run), workflow_id=workflow_id, started_at=datetime.now(UTC), size=len(content), **more
    )
    return WORKSPACE, RecordRun(1, revision), PackedRecording(summary, len(content), ticket), content


async def put_batch(system: System, *recordings: ToPack) -> dict[str, str]:
    """Store recordings as a worker does; return the reasons of the refused ones, by run."""
    answer = await HttpRecordingClient(system.executor.client).store(tuple(pack_recordings(recordings)))
    return {each.run_id: each.reason for each in answer.refused}


async def question(gateway: HttpRecordingClient, run: str, workflow_id: str = WORKFLOW) -> Any:
    return msgspec.json.decode(await gateway.read(WORKSPACE, workflow_id, run))["input"]


def ended_run(spec: RunSpec) -> RunRecording:
    """Return the recording of a run, as a worker makes it."""
    return RunRecording(
        spec=spec,
        record=RecordRun(1, 1),
        input={"q": 1},
        outcome=an_outcome(),
        output={},
        usage=Usage(),
        blocks=(),
        size=10,
        names=EnvironmentNames({}),
    )


async def runs(gateway: HttpRecordingClient, **more: Any) -> list[str]:
    query: dict[str, Any] = {"conversation_id": None, "limit": 50, "cursor": None, **more}
    return [each.run_id for each in (await gateway.page(WORKSPACE, WORKFLOW, **query)).recordings]


async def documents(system: System, name: str) -> list[Any]:
    return await system.store.collection(name).find({}).to_list()
