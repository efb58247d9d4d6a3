"""Recordings of a batch are stored in one encrypted document for each workflow, a pack."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.jobs.recordings import batched, documents, ended_run, put, put_batch, question, runs
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec
from tests.support.query_log import RecordedStore
from tests.support.tickets import TICKET_KEY, a_ticket

from executor_service.adapters.recording_outbox import RecordingOutbox
from jobs_service.bootstrap.storage import INDEXES
from jobs_service.recordings.packs import find_packs
from jobs_service.recordings.repository import BARS, RECORDINGS, MongoRecordings
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    DeleteRecordings,
    PackedRecording,
    Recording,
    RecordingPack,
    StoredRecordings,
    StorePacks,
)
from shared.errors import InvalidRequest, NotFound, Unavailable
from shared.ids import new_id, new_run_id, run_key
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.key_list import parse_keys
from shared.security.run_tickets import TicketKeys
from shared.web.paths import path_of


async def test_a_batch_is_stored_in_one_document_for_each_workflow(
    system: System, gateway: HttpRecordingClient
) -> None:
    assert await put_batch(system, batched("R1"), batched("R2", workflow_id="other"), batched("R3")) == {}
    assert len(await documents(system, RECORDINGS)) == 2
    assert await runs(gateway) == ["R3", "R1"]
    assert [await question(gateway, run) for run in ("R1", "R3")] == ["question of R1", "question of R3"]
    assert await question(gateway, "R2", "other") == "question of R2"
    assert "question" not in repr(await documents(system, RECORDINGS))


async def test_pages_continue_inside_a_batch(system: System, gateway: HttpRecordingClient) -> None:
    await put_batch(system, *(batched(f"R{number}") for number in range(3)))
    for number in range(3, 6):
        await put_batch(system, batched(f"R{number}"))
    found: list[str] = []
    cursor = None
    while True:
        page = await gateway.page(WORKSPACE, WORKFLOW, conversation_id=None, limit=1, cursor=cursor)
        found += [each.run_id for each in page.recordings]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == ["R5", "R4", "R3", "R2", "R1", "R0"]


async def test_a_page_continues_behind_the_last_one_after_deletions(
    system: System, gateway: HttpRecordingClient
) -> None:
    await put_batch(system, *(batched(f"R{number}") for number in range(6)))
    found: list[str] = []
    cursor = None
    for deleted in ("R0", "R5", "R1"):
        page = await gateway.page(WORKSPACE, WORKFLOW, conversation_id=None, limit=1, cursor=cursor)
        found += [each.run_id for each in page.recordings]
        cursor = page.next_cursor
        await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id=deleted))
    assert [*found, *await runs(gateway, cursor=cursor)] == ["R5", "R4", "R3", "R2"]


async def test_deleting_one_of_a_batch_encrypts_the_others_with_another_key(
    system: System, gateway: HttpRecordingClient
) -> None:
    await put_batch(system, *(batched(f"R{number}", conversation_id="c" if number else None) for number in range(4)))
    (before,) = await documents(system, RECORDINGS)
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id="R0")) == 1
    (after,) = await documents(system, RECORDINGS)
    assert after["key"]["ciphertext"] != before["key"]["ciphertext"]
    assert len(after["data"]) < len(before["data"])
    assert "R0" not in repr(after)
    with pytest.raises(NotFound):
        await gateway.read(WORKSPACE, WORKFLOW, "R0")
    assert [await question(gateway, run) for run in ("R1", "R3")] == ["question of R1", "question of R3"]
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, conversation_id="c")) == 3
    assert await documents(system, RECORDINGS) == []


async def test_simultaneous_deletions_in_one_batch_all_happen(system: System, gateway: HttpRecordingClient) -> None:
    await put_batch(system, *(batched(f"R{number}") for number in range(4)))
    requests = [DeleteRecordings(workflow_id=WORKFLOW, run_id=f"R{number}") for number in range(3)]
    assert await asyncio.gather(*(gateway.delete(WORKSPACE, each) for each in requests)) == [1, 1, 1]
    assert await runs(gateway) == ["R3"]
    assert await question(gateway, "R3") == "question of R3"


async def test_a_repeated_batch_is_stored_once(system: System, gateway: HttpRecordingClient) -> None:
    batch = [batched(f"R{number}") for number in range(3)]
    await put_batch(system, *batch)
    await put_batch(system, *batch)
    assert sorted(await runs(gateway)) == ["R0", "R1", "R2"]
    assert [await question(gateway, run) for run in ("R0", "R2")] == ["question of R0", "question of R2"]


async def test_a_batch_stores_all_but_late_recordings(system: System, gateway: HttpRecordingClient) -> None:
    await gateway.delete_of_workflow(WORKSPACE, WORKFLOW, before=5)
    refused = await put_batch(system, batched("late", revision=5), batched("next", revision=6))
    assert refused == {f"late@{WORKSPACE}": "Recordings of this workflow were deleted after the run began"}
    assert await runs(gateway) == ["next"]


async def test_a_batch_stores_only_recordings_with_the_ticket_of_their_run(
    system: System, gateway: HttpRecordingClient
) -> None:
    keys = TicketKeys(parse_keys(TICKET_KEY))
    ticket = keys.sign(a_ticket(workspace_id=WORKSPACE, workflow_id=WORKFLOW, run_id=f"R1@{WORKSPACE}"))
    others = [batched("R2", ticket=ticket), batched("R3", ticket="k1.forged.ticket")]
    refused = await put_batch(system, batched("R1", ticket=ticket), *others)
    assert refused.keys() == {f"R2@{WORKSPACE}", f"R3@{WORKSPACE}"}
    assert await runs(gateway) == ["R1"]


async def test_a_recording_with_a_long_summary_is_refused(system: System, gateway: HttpRecordingClient) -> None:
    """Such texts compress well: a list would decompress many of them together."""
    refused = await put_batch(system, batched("R1", trigger="x" * 100_000), batched("R2"))
    assert refused.keys() == {f"R1@{WORKSPACE}"}
    (reason,) = (await put(system, "R3", conversation_id="x" * 100_000)).values()
    assert "summary" in reason
    assert await runs(gateway) == ["R2"]


async def test_a_batch_is_bounded(system: System) -> None:
    _, record, packed, content = batched("R1")
    pack = RecordingPack(
        workspace_id=WORKSPACE,
        workflow_id=WORKFLOW,
        record=record,
        recordings=(packed,) * (MAX_BATCH_RECORDINGS + 1),
        content=content * (MAX_BATCH_RECORDINGS + 1),
    )
    with pytest.raises(InvalidRequest, match="at most"):
        await HttpRecordingClient(system.executor.client).store([pack])


async def test_a_pack_is_refused_unless_its_lengths_match_its_content(system: System) -> None:
    def packed(*lengths: int) -> bytes:
        recordings = tuple(PackedRecording(batched(f"R{each}")[2].summary, each) for each in lengths)
        pack = RecordingPack(
            workspace_id=WORKSPACE,
            workflow_id=WORKFLOW,
            record=RecordRun(1, 1),
            recordings=recordings,
            content=b"{}" * 2,
        )
        return msgspec.msgpack.encode(StorePacks((pack,)))

    for lengths in ((2, 3), (5, -1), ()):
        with pytest.raises(InvalidRequest, match="lengths"):
            await system.executor.client.call("POST", path_of("recordings", "packs"), body=packed(*lengths))
    with pytest.raises(InvalidRequest):
        await system.executor.client.call("POST", path_of("recordings", "packs"), body=b"no MessagePack")
    assert await documents(system, RECORDINGS) == []


async def test_a_pack_has_recordings_of_its_workflow_only(system: System, gateway: HttpRecordingClient) -> None:
    """And one of each run: of two with the same id, the later."""
    foreign, first, second = batched("R1", workflow_id="other"), batched("R2"), batched("R2", conversation_id="c")
    pack = RecordingPack(
        workspace_id=WORKSPACE,
        workflow_id=WORKFLOW,
        record=RecordRun(1, 1),
        recordings=tuple(packed for _, _, packed, _ in (foreign, first, second)),
        content=b"".join(content for *_, content in (foreign, first, second)),
    )
    answer = await system.executor.client.call(
        "POST",
        path_of("recordings", "packs"),
        body=msgspec.msgpack.encode(StorePacks((pack,))),
        returns=StoredRecordings,
    )
    assert [each.run_id for each in answer.refused] == [f"R1@{WORKSPACE}"]
    assert await runs(gateway) == ["R2"]
    assert await runs(gateway, conversation_id="c") == ["R2"]
    assert await question(gateway, "R2") == "question of R2"


async def test_a_worker_sends_batches(system: System, gateway: HttpRecordingClient) -> None:
    outbox = RecordingOutbox(HttpRecordingClient(system.executor.client))
    await outbox.start()
    for number in range(3):
        outbox.put(ended_run(a_spec(f"R{number}@{WORKSPACE}")))
    await outbox.stop()
    assert await runs(gateway) == ["R2", "R1", "R0"]
    assert len(await documents(system, RECORDINGS)) == 1
    recording = msgspec.json.decode(await gateway.read(WORKSPACE, WORKFLOW, "R1"), type=Recording)
    assert (recording.run_id, recording.input) == (f"R1@{WORKSPACE}", {"q": 1})


class Queries:
    """Queries of a collection."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.seen: list[Any] = []

    def find(self, query: Any, *more: Any) -> Any:
        self.seen.append(query)
        return self._collection.find(query, *more)


async def test_a_search_for_runs_reads_no_other_packs(system: System) -> None:
    """With a condition more, SecantusDB would read the packs of all workspaces."""
    names = [new_run_id(), new_id()]
    await put_batch(system, *map(batched, names))
    packs = system.store.collection(RECORDINGS)
    queries: Any = Queries(packs)
    owner = {"workspace_id": WORKSPACE, "workflow_id": WORKFLOW}
    assert len(await find_packs(queries, owner, names)) == 1
    for name in ("workspace_id", "workflow_id"):
        assert await find_packs(queries, {**owner, name: "other"}, names) == []
    for query in queries.seen:
        plan = (await packs.find(query).explain())["queryPlanner"]["winningPlan"]
        assert "COLLSCAN" not in repr(plan), query


async def test_recordings_are_found_by_any_run_id(system: System, gateway: HttpRecordingClient) -> None:
    """A pack lists only runs whose ids do not contain its time: an index entry for each run is expensive."""
    new, other, chosen = [new_run_id() for _ in range(4)], new_id(), "order-17"
    for batch in ([new[0], other, new[1]], [new[2], chosen, new[3]]):
        assert await put_batch(system, *map(batched, batch)) == {}
    listed = [run for document in await documents(system, RECORDINGS) for run in document["runs"]]
    assert sorted(listed) == sorted([other, run_key(WORKSPACE, chosen)])
    for run in (*new, other, chosen):
        assert await question(gateway, run) == f"question of {run}"
    for run in (new[2], chosen, other):
        request = DeleteRecordings(workflow_id=WORKFLOW, run_id=run)
        assert await gateway.delete(WORKSPACE, request) == 1
        assert await gateway.delete(WORKSPACE, request) == 0
        with pytest.raises(NotFound):
            await gateway.read(WORKSPACE, WORKFLOW, run)
    assert sorted(await runs(gateway)) == sorted([new[0], new[1], new[3]])
    for run in (new[0], new[1], new[3]):
        assert await question(gateway, run) == f"question of {run}"


async def test_recordings_that_are_requested_at_once_are_read_together(
    mongodb_uri: str, mongodb_prefix: str, start: Start
) -> None:
    store = RecordedStore(mongodb_uri, f"{mongodb_prefix}_jobs", INDEXES)
    async with start(store=store, webhook_keys=SecretStr(key("k1"))) as system:
        runs = [new_run_id() for _ in range(5)]
        await put_batch(system, *map(batched, runs))
        recordings = MongoRecordings(store, AesGcmKeyRing.parse(key("k1")), forget_nothing)
        await recordings.start()
        store.recorded[RECORDINGS].queries.clear()
        reads = (recordings.read(WORKSPACE, WORKFLOW, run_key(WORKSPACE, run)) for run in [*runs, "missing"])
        *found, missing = await asyncio.gather(*reads, return_exceptions=True)
        await recordings.stop()
    assert [msgspec.json.decode(each)["runId"] for each in found if isinstance(each, bytes)] == runs
    assert isinstance(missing, NotFound)
    assert len(store.recorded[RECORDINGS].queries) == 4


async def test_a_pack_whose_chunks_were_deleted_during_a_read_fails_no_other_read(system: System) -> None:
    await put_batch(system, batched("a"), batched("b", workflow_id="other"))
    without_chunks = {"$unset": {"data": 1}, "$set": {"content_id": "deleted"}}
    await system.collection(RECORDINGS).update_one({"workflow_id": WORKFLOW}, without_chunks)
    recordings = MongoRecordings(system.store, AesGcmKeyRing.parse(key("k1")), forget_nothing)
    await recordings.start()
    owned = ((WORKFLOW, "a"), ("other", "b"))
    reads = (recordings.read(WORKSPACE, workflow_id, run_key(WORKSPACE, run)) for workflow_id, run in owned)
    changed, found = await asyncio.gather(*reads, return_exceptions=True)
    await recordings.stop()
    assert isinstance(changed, Unavailable)
    assert isinstance(found, bytes) and msgspec.json.decode(found)["runId"] == "b"


async def forget_nothing(workspace_id: str, workflow_id: str, runs: Sequence[str] | None) -> None:
    """Nothing else is stored of recordings."""


async def test_of_runs_with_one_id_the_newest_recording_is_read(system: System, gateway: HttpRecordingClient) -> None:
    """A caller may use an id again after the retention of runs, which is shorter than that of recordings."""
    for number in range(3):
        await put_batch(system, batched("nightly", answer=number), batched(new_run_id()))
        assert await question(gateway, "nightly") == number


async def test_of_recordings_of_one_run_in_several_packs_the_last_is_stored(
    system: System, gateway: HttpRecordingClient
) -> None:
    """The workflow's recording was changed between two runs with an id, so their recordings are in two packs."""
    recordings = [batched("nightly", revision=revision, answer=revision) for revision in (1, 2)]
    assert await put_batch(system, *recordings) == {}
    assert await question(gateway, "nightly") == 2
    assert await runs(gateway) == ["nightly"]


async def test_runs_of_another_workflow_at_the_same_time_are_not_found(
    system: System, gateway: HttpRecordingClient
) -> None:
    run, other = new_run_id(), new_run_id()
    await put_batch(system, batched(run), batched(other, workflow_id="other"))
    for workflow_id, missing in ((WORKFLOW, other), ("other", run), (WORKFLOW, new_run_id())):
        with pytest.raises(NotFound):
            await gateway.read(WORKSPACE, workflow_id, missing)
        assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=workflow_id, run_id=missing)) == 0


async def test_a_late_batch_removes_what_an_interrupted_one_has_stored(
    system: System, gateway: HttpRecordingClient
) -> None:
    names = [new_run_id() for _ in range(3)]
    await put_batch(system, *(batched(run, revision=number) for number, run in enumerate(names, 1)))
    bar = {"_id": f"{WORKSPACE}/{WORKFLOW}", "revision": 2}
    await system.store.collection(BARS).insert_one(bar)
    refused = await put_batch(system, *(batched(run, revision=number) for number, run in enumerate(names, 1)))
    assert sorted(refused) == sorted(names[:2])
    assert set(await runs(gateway)) == {names[2]}
