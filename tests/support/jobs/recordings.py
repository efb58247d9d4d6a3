"""Recordings of runs, stored and read through a jobs-service."""

from base64 import b64encode
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, an_outcome

from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from jobs_service.recordings.batches import packs_of
from jobs_service.recordings.repository import CHUNKS, RECORDINGS
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import (
    BatchedRecording,
    RecordingSummary,
    StoreRecording,
    StoreRecordings,
)
from shared.contracts.runs import RunSpec, RunStatus, Usage
from shared.ids import run_key
from shared.security.aes_gcm import AesGcmKeyRing
from shared.web.paths import path_of

PLAIN = b'{"runId":"R1","workspaceId":"w","workflowId":"f","input":"a very private question"}'


async def put(
    system: System,
    run: str = "R1",
    content: bytes = PLAIN,
    *,
    revision: int = 1,
    workspace_id: str = WORKSPACE,
    **more: Any,
) -> None:
    """Store the recording of a run of this workspace."""
    summary = RecordingSummary(
        **{
            "run_id": run,
            "workflow_id": WORKFLOW,
            "status": RunStatus.COMPLETED,
            "started_at": datetime.now(UTC),
            "size": len(content),
            **more,
        }
    )
    body = StoreRecording(summary=summary, record=RecordRun(1, revision), content=msgspec.Raw(content))
    await system.executor.client.call("PUT", path_of("recordings", workspace_id, f"{run}@{workspace_id}"), body=body)


def batched(run: str, *, ticket: str = "", workflow_id: str = WORKFLOW, revision: int = 1, **more: Any) -> Any:
    """Return the recording of a run in a batch."""
    content = msgspec.json.encode({"runId": run, "input": f"question of {run}"})
    summary = RecordingSummary(
        run_id=run_key(WORKSPACE, run), workflow_id=workflow_id, started_at=datetime.now(UTC), size=len(content), **more
    )
    return BatchedRecording(
        summary=summary,
        record=RecordRun(1, revision),
        content=msgspec.Raw(content),
        workspace_id=WORKSPACE,
        ticket=ticket,
    )


async def put_batch(system: System, *recordings: BatchedRecording) -> dict[str, str]:
    """Store recordings as a worker does; return the reasons of the refused ones, by run."""
    packs = packs_of(StoreRecordings(recordings))
    answer = await HttpRecordingClient(system.executor.client).store(packs)
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


async def put_by_an_earlier_version(system: System, run: str, **more: Any) -> None:
    """Store a recording in a separate document, with its content in chunks."""
    key, secret = AESGCM.generate_key(256), f"{run}@{WORKSPACE}"
    ring = AesGcmKeyRing.parse(system.settings.webhook_keys.get_secret_value())
    sealed = ring.seal(b64encode(key).decode(), workspace_id=WORKSPACE, name=f"recording/{secret}")
    data = b"n" * 12 + AESGCM(key).encrypt(b"n" * 12, PLAIN, f"{WORKSPACE}\0{secret}".encode())
    now = datetime.now(UTC)
    owner = {"workspace_id": WORKSPACE, "workflow_id": WORKFLOW, "expires_at": now + timedelta(days=1)}
    chunk = {"_id": f"{secret}#0", "run": secret, **owner, "data": data}
    summary = {"version": 3, "trigger": "api", "conversation_id": None, "started_at": now, "duration_ms": 1.0}
    summary |= {"blocks": 1, "size": len(PLAIN), "is_cut": False, "status": "completed"}
    position = f"{0:015d}-{secret}"
    document = {"_id": secret, **owner, **summary, "position": position, "key": asdict(sealed), **more}
    await system.store.collection(CHUNKS).insert_one(chunk)
    await system.store.collection(RECORDINGS).insert_one(document)


async def runs(gateway: HttpRecordingClient, **more: Any) -> list[str]:
    query: dict[str, Any] = {"conversation_id": None, "limit": 50, "cursor": None, **more}
    return [each.run_id for each in (await gateway.page(WORKSPACE, WORKFLOW, **query)).recordings]


async def documents(system: System, name: str) -> list[Any]:
    return await system.store.collection(name).find({}).to_list()
