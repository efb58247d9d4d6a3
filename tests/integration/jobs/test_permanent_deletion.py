"""Permanent deletion removes a workflow from every collection, and nothing of others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import System, a_spec, an_outcome, json_payload

from jobs_service import deletion
from jobs_service import deletion as mongo_erasure
from jobs_service.payloads import CHUNK_BYTES
from shared.broker.queue_topology import DEAD, EVENTS
from shared.contracts.claims import JournalEntry
from shared.contracts.conversations import AppendMessages, ConversationMessage
from shared.contracts.erasure import Erase, Erased
from shared.contracts.events import Chunk
from shared.contracts.files import FileKey
from shared.contracts.jobs import RunView
from shared.contracts.messages import AttachedRunRequested, EventBatch, RecordBatch, RunBegan
from shared.contracts.runs import RunMode, RunSpec, RunStatus, SnapshotRef, Usage

Owner = tuple[str, str]
MINE, SIBLING, STRANGER = ("workspace-1", "workflow-1"), ("workspace-1", "workflow-2"), ("workspace-10", "workflow-3")
"""The stranger's workspace id starts like mine."""
BY_OWNER = ("runs", "deliveries", "cancels", "tallies")
BY_RUN = ("events", "journal")


@pytest.fixture
async def system(start: Start) -> AsyncIterator[System]:
    async with start(webhook_poll_seconds=0.05) as system:
        await system.executor.listen()
        yield system


def spec_of(owner: Owner, **fields: Any) -> RunSpec:
    workspace_id, workflow_id = owner
    return a_spec(snapshot=SnapshotRef(workspace_id, workflow_id, "0" * 64), **fields)


async def leave(system: System, owner: Owner) -> None:
    """Create an ended run, with a document in each collection that refers to workflows."""
    run_id = f"over-{owner[1]}"
    await system.gateway.accept(spec_of(owner, run_id=run_id, callback_url="https://10.0.0.1/"))
    granted = await system.executor.begin()
    await system.executor.journal(run_id, granted.attempt, JournalEntry(0, "block", msgspec.Raw(b"{}")))
    await system.executor.finish(run_id, granted.attempt, usage=Usage(100, 10, 0.25))
    await system.gateway.cancel(f"unseen-{owner[1]}", *owner)
    await system.broker.work.publish(EVENTS, EventBatch(run_id, 0, (Chunk("b", "x"),), attempt=1))
    poison, attached = spec_of(owner, mode=RunMode.SYNC), spec_of(owner, mode=RunMode.SYNC)
    await system.broker.work.publish(DEAD, AttachedRunRequested(poison, "replies.x"))
    await system.broker.work.publish(DEAD, RecordBatch((RunBegan(attached, datetime.now(UTC)),)))


async def left_of(system: System, owner: Owner) -> dict[str, int]:
    """Return the number of documents per collection."""
    workspace_id, workflow_id = owner
    found = {}
    for name in BY_OWNER:
        theirs = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        found[name] = await system.collection(name).count_documents(theirs)
    for name in BY_RUN:
        found[name] = await system.collection(name).count_documents({"run_id": f"over-{workflow_id}"})
    letters = await system.collection("dead_letters").find({"workspace_ids": workspace_id}).to_list()
    found["dead_letters"] = sum(
        letter["workflow_id"] == workflow_id or workflow_id.encode() in (letter["body"] or b"") for letter in letters
    )
    return found


async def all_of(system: System, *owners: Owner) -> dict[str, int]:
    """Return the documents per collection, once all of them exist."""
    for owner in owners:
        await leave(system, owner)
    whole = dict.fromkeys((*BY_OWNER, *BY_RUN), 1) | {"dead_letters": 2}
    whole["runs"] += 1  # the call that became a dead letter: no caller was left to receive its error

    async def are_there() -> bool:
        return all([await left_of(system, owner) == whole | {"journal": 0} for owner in owners])

    await until(are_there)
    for _, workflow_id in owners:  # documents of a process that dies before its cleanup
        await system.collection("journal").insert_one({"run_id": f"over-{workflow_id}"})
    return whole


async def erase(system: System, workspace_id: str, workflow_id: str | None = None) -> None:
    """Delete until nothing is left, as the gateway does."""

    async def is_done() -> bool:
        body = Erase(workspace_id, workflow_id)
        return not (await system.gateway.client.call("POST", "/internal/erasures", body=body, returns=Erased)).has_more

    await until(is_done)


async def test_deleting_a_workflow_removes_its_data_and_nothing_of_others(system: System) -> None:
    whole = await all_of(system, MINE, SIBLING, STRANGER)
    waiting = [await system.gateway.accept(spec_of(owner)) for owner in (MINE, SIBLING, STRANGER)]
    await erase(system, *MINE)
    assert set((await left_of(system, MINE)).values()) == {0}
    for owner in (SIBLING, STRANGER):
        assert await left_of(system, owner) == whole | {"runs": whole["runs"] + 1}
    for accepted in waiting[1:]:
        assert (await system.gateway.run(accepted.run_id)).status is RunStatus.QUEUED


async def test_a_workspace_deletes_no_workflow_of_another(system: System) -> None:
    whole = await all_of(system, MINE)
    await erase(system, STRANGER[0], MINE[1])
    assert await left_of(system, MINE) == whole


@pytest.mark.parametrize("others", ["workspace-10", "workspace-", "workspace-2"])
async def test_deleting_a_workspace_removes_its_own_data_and_nothing_of_others(system: System, others: str) -> None:
    for workspace_id in ("workspace-1", others):
        messages = AppendMessages((ConversationMessage("user", "Hi"),), "1")
        path = f"/internal/conversations/{workspace_id}/messages?conversation_id=talk"
        await system.executor.client.call("POST", path, body=messages)
        await system.gateway.client.call("PUT", f"/internal/blobs/{workspace_id}/large", body=json_payload(b"1"))
        for name in ("subscriptions", "spend", "callback_secrets"):
            key = {"subscriptions": f"hook-{workspace_id}", "spend": f"{workspace_id}/2026-11"}.get(name, workspace_id)
            await system.collection(name).insert_one({"_id": key, "workspace_id": workspace_id})
    await erase(system, "workspace-1")
    for name in ("conversations", "subscriptions", "spend", "callback_secrets"):
        left = await system.collection(name).find({"workspace_id": {"$exists": True}}).to_list()
        assert [each["workspace_id"] for each in left] == [others]
    names = [each["filename"] for each in await system.collection("blobs.files").find().to_list()]
    assert names == [f"{others}/large"]


async def test_files_named_anywhere_in_a_large_output_are_deleted_with_the_run(system: System) -> None:
    workspace_id, workflow_id = MINE
    file = FileKey.new(workspace_id, workflow_id, "over", "a.txt")
    await system.gateway.client.call("PUT", f"/internal/blobs/{workspace_id}/{file.file_id}", body=b"content")
    await system.gateway.accept(spec_of(MINE, run_id="over"))
    granted = await system.executor.begin()
    key = file.text.encode()
    first_chunk = b'"' + b"x" * (CHUNK_BYTES - 1 - len(key) // 2)
    output = first_chunk + key + b'"'
    await system.executor.finish("over", granted.attempt, an_outcome(output=output))

    await erase(system, *MINE)
    assert await system.collection("blobs.files").find().to_list() == []


async def test_the_logged_output_is_stored_beside_the_exact_one_and_deleted_with_it(system: System) -> None:
    await system.gateway.accept(spec_of(MINE, run_id="over"))
    granted = await system.executor.begin()
    exact, masked = b'"' + b"x" * CHUNK_BYTES + b'"', b'"' + b"*" * CHUNK_BYTES + b'"'
    outcome = an_outcome(output=exact)
    output = msgspec.structs.replace(outcome.output, logged=json_payload(masked))
    await system.executor.finish("over", granted.attempt, msgspec.structs.replace(outcome, output=output))

    view = await system.gateway.client.call("GET", "/internal/runs/over?workspace_id=" + MINE[0], returns=RunView)
    assert view.output is not None
    assert view.output.logged is not None
    for stored, document in ((view.output, exact), (view.output.logged, masked)):
        assert stored.blob_id is not None
        path = f"/internal/blobs/{MINE[0]}/{stored.blob_id}"
        assert await system.gateway.client.fetch("GET", path) == document
    await erase(system, *MINE)
    assert await system.collection("blobs.files").find().to_list() == []


async def test_more_runs_than_one_batch_are_deleted(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "AT_ONCE", 2)
    monkeypatch.setattr(mongo_erasure, "_RUNS_AT_ONCE", 2)
    for _ in range(5):
        await system.gateway.accept(spec_of(MINE))
    await erase(system, *MINE)
    assert set((await left_of(system, MINE)).values()) == {0}


async def test_more_documents_of_other_kinds_than_one_batch_are_deleted(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "AT_ONCE", 2)
    for number in range(5):
        await system.gateway.cancel(f"unseen-{number}", *MINE)
    await erase(system, *MINE)
    assert set((await left_of(system, MINE)).values()) == {0}


async def test_a_run_in_progress_is_stopped_and_stays_until_its_worker_reports_its_end(system: System) -> None:
    accepted = await system.gateway.accept(spec_of(MINE))
    await system.executor.begin()
    request = Erase(*MINE)
    done = await system.gateway.client.call("POST", "/internal/erasures", body=request, returns=Erased)
    assert done.has_more
    assert await system.executor.renew(accepted.run_id, 1), "it is to stop"
    await system.executor.finish(accepted.run_id, 1, an_outcome(RunStatus.CANCELLED))
    await erase(system, *MINE)
    assert await system.stored() == 0
