"""Recordings are stored encrypted, read by run, and deleted for certain."""

import asyncio
import os
from base64 import b64encode
from datetime import UTC, datetime

import msgspec
import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.jobs.recordings import (
    PLAIN,
    batched,
    documents,
    ended_run,
    put,
    put_batch,
    runs,
)
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec
from tests.support.tickets import TICKET_KEY, a_ticket

from executor_service.adapters.recording_outbox import RecordingOutbox
from jobs_service.recordings.packs import CHUNK_BYTES
from jobs_service.recordings.repository import CHUNKS, RECORDINGS
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.worker_runs import WorkerRunClient
from shared.contracts.erasure import Erase, Erased
from shared.contracts.recording_policy import ReplayRun
from shared.contracts.recordings import (
    DeleteRecordings,
)
from shared.errors import NotFound, Unavailable
from shared.security.current_ticket import using_ticket
from shared.security.key_list import parse_keys
from shared.security.run_tickets import TicketKeys
from shared.web.paths import path_of


async def test_a_recording_is_read_back_as_it_was_and_nothing_readable_is_stored(
    system: System, gateway: HttpRecordingClient
) -> None:
    await put(system)
    assert await gateway.read(WORKSPACE, WORKFLOW, "R1") == PLAIN
    stored = repr([await documents(system, name) for name in (RECORDINGS, CHUNKS)])
    assert "private" not in stored


async def test_a_long_recording_is_stored_in_chunks(system: System, gateway: HttpRecordingClient) -> None:
    content = msgspec.json.encode({"input": b64encode(os.urandom(2 * CHUNK_BYTES)).decode()})  # incompressible
    await put(system, content=content)
    assert len(await documents(system, CHUNKS)) == 3
    assert await gateway.read(WORKSPACE, WORKFLOW, "R1") == content
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id="R1")) == 1
    assert await documents(system, CHUNKS) == []


async def test_another_workspace_or_workflow_finds_nothing(system: System, gateway: HttpRecordingClient) -> None:
    await put(system)
    for workspace_id, workflow_id in (("other", WORKFLOW), (WORKSPACE, "other")):
        with pytest.raises(NotFound):
            await gateway.read(workspace_id, workflow_id, "R1")
        page = await gateway.page(workspace_id, workflow_id, conversation_id=None, limit=9, cursor=None)
        assert page.recordings == ()


async def test_recordings_are_listed_newest_first_in_pages(system: System, gateway: HttpRecordingClient) -> None:
    for number in range(3):
        await put(system, f"R{number}", conversation_id="c" if number == 1 else None)
    first = await gateway.page(WORKSPACE, WORKFLOW, conversation_id=None, limit=2, cursor=None)
    assert [each.run_id for each in first.recordings] == ["R2", "R1"]
    assert await runs(gateway, cursor=first.next_cursor) == ["R0"]
    assert await runs(gateway, conversation_id="c") == ["R1"]


async def test_recordings_are_deleted_by_run_and_by_conversation(system: System, gateway: HttpRecordingClient) -> None:
    await put(system, "R1", conversation_id="c")
    await put(system, "R2")
    await put(system, "R3")
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, conversation_id="c")) == 1
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id="R2")) == 1
    assert await runs(gateway) == ["R3"]
    assert len(await documents(system, RECORDINGS)) == 1


async def test_late_recordings_of_earlier_revisions_are_refused(system: System, gateway: HttpRecordingClient) -> None:
    await put(system, revision=4)
    await gateway.delete_of_workflow(WORKSPACE, WORKFLOW, before=5)
    await put(system, "late", revision=5)
    assert [await documents(system, name) for name in (RECORDINGS, CHUNKS)] == [[], []]
    await put(system, "next", revision=6)
    assert await runs(gateway) == ["next"]


async def test_a_recording_in_the_outbox_of_a_worker_is_refused_after_the_deletion(
    system: System, gateway: HttpRecordingClient
) -> None:
    outbox = RecordingOutbox(HttpRecordingClient(system.executor.client))
    await outbox.start()
    outbox.put(ended_run(a_spec(f"R1@{WORKSPACE}")))
    await gateway.delete_of_workflow(WORKSPACE, WORKFLOW, before=1)
    await outbox.stop()
    assert [await documents(system, name) for name in (RECORDINGS, CHUNKS)] == [[], []]


async def test_no_recording_survives_a_simultaneous_deletion(system: System, gateway: HttpRecordingClient) -> None:
    large = msgspec.json.encode({"input": b64encode(os.urandom(CHUNK_BYTES * 2)).decode()})
    for revision in range(1, 11):
        await asyncio.gather(
            put(system, content=large, revision=revision) if revision % 5 == 0 else asyncio.sleep(0),
            put_batch(system, *(batched(f"R{revision}-{number}", revision=revision) for number in range(3))),
            gateway.delete_of_workflow(WORKSPACE, WORKFLOW, before=revision),
            put_batch(system, batched(f"S{revision}", revision=revision)),
        )
        assert [await documents(system, name) for name in (RECORDINGS, CHUNKS)] == [[], []]


@pytest.mark.parametrize("owner", [Erase(WORKSPACE, WORKFLOW), Erase(WORKSPACE)])
async def test_erasing_a_workflow_or_workspace_erases_its_recordings(
    system: System, gateway: HttpRecordingClient, owner: Erase
) -> None:
    await put(system)
    await put_batch(system, batched("R2"), batched("R3"))
    await put(system, workspace_id="other")
    await system.gateway.client.call("POST", path_of("erasures"), body=owner, returns=Erased)
    assert await runs(gateway) == []
    assert {each["workspace_id"] for each in await documents(system, RECORDINGS)} == {"other"}


async def test_a_recording_ends_with_its_days(system: System, gateway: HttpRecordingClient) -> None:
    await put(system)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    await system.store.collection(RECORDINGS).update_many({}, {"$set": {"expires_at": past}})
    assert await runs(gateway) == []
    with pytest.raises(NotFound):
        await gateway.read(WORKSPACE, WORKFLOW, "R1")


async def test_a_new_key_reads_old_recordings_once_keys_are_rotated(
    start: Start, system: System, gateway: HttpRecordingClient
) -> None:
    await put(system)
    both = SecretStr(f"{key('k2')},{key('k1')}")
    async with start(webhook_keys=both):
        (stored,) = await documents(system, RECORDINGS)
        assert stored["key"]["key_id"] == "k2"
    async with start(webhook_keys=SecretStr(key("k2"))) as rotated:
        assert await HttpRecordingClient(rotated.gateway.client).read(WORKSPACE, WORKFLOW, "R1") == PLAIN


async def test_without_a_key_nothing_is_stored(start: Start) -> None:
    async with start() as keyless:
        with pytest.raises(Unavailable):
            await put(keyless)
        assert [await documents(keyless, name) for name in (RECORDINGS, CHUNKS)] == [[], []]


async def test_a_worker_reads_only_the_recording_that_its_run_replays(system: System) -> None:
    await put(system, "R1")
    await put(system, "R2")
    run = a_spec(replay=ReplayRun(f"R1@{WORKSPACE}"))
    await system.gateway.accept(run)
    ticket = TicketKeys(parse_keys(TICKET_KEY)).sign(
        a_ticket(workspace_id=WORKSPACE, workflow_id=WORKFLOW, run_id=run.run_id)
    )
    jobs = WorkerRunClient(system.executor.client)
    with using_ticket(ticket):
        assert (await jobs.read(WORKSPACE, WORKFLOW, f"R1@{WORKSPACE}")).run_id == "R1"
        with pytest.raises(NotFound):
            await jobs.read(WORKSPACE, WORKFLOW, f"R2@{WORKSPACE}")
        with pytest.raises(Unavailable):
            await jobs.read(WORKSPACE, "other", f"R1@{WORKSPACE}")


async def test_a_worker_stores_only_the_recording_of_its_run(system: System, gateway: HttpRecordingClient) -> None:
    ticket = TicketKeys(parse_keys(TICKET_KEY)).sign(
        a_ticket(workspace_id=WORKSPACE, workflow_id=WORKFLOW, run_id=f"R1@{WORKSPACE}")
    )
    with using_ticket(ticket):
        await put(system, "R1")
        assert await put(system, "R2")
    assert await runs(gateway) == ["R1"]
