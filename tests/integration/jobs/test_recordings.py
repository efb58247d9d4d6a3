"""Recordings are stored encrypted, read by run, and deleted for certain."""

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome
from tests.support.overheard import OverheardStore
from tests.support.tickets import TICKET_KEY, a_ticket

from executor_service.adapters.recording_outbox import RecordingOutbox
from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from jobs_service.bootstrap.storage import INDEXES
from jobs_service.recordings.batches import packs_of
from jobs_service.recordings.pack_search import find_packs
from jobs_service.recordings.packs import CHUNK_BYTES
from jobs_service.recordings.repository import BARS, CHUNKS, RECORDINGS, MongoRecordings
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.worker_runs import WorkerRunClient
from shared.contracts.erasure import Erase, Erased
from shared.contracts.recording_policy import RecordRun, ReplayRun
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    BatchedRecording,
    DeleteRecordings,
    PackedRecording,
    Recording,
    RecordingPack,
    RecordingSummary,
    StoredRecordings,
    StorePacks,
    StoreRecording,
    StoreRecordings,
)
from shared.contracts.runs import RunSpec, RunStatus, Usage
from shared.errors import InvalidRequest, NotFound, Unavailable
from shared.ids import new_id, new_run_id, run_key
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.current_ticket import using_ticket
from shared.security.key_list import parse_keys
from shared.security.run_tickets import TicketKeys
from shared.web.paths import path_of

PLAIN = b'{"runId":"R1","workspaceId":"w","workflowId":"f","input":"a very private question"}'


@pytest.fixture
async def system(start: Start) -> AsyncIterator[System]:
    async with start(webhook_keys=SecretStr(key("k1"))) as system:
        yield system


@pytest.fixture
def gateway(system: System) -> HttpRecordingClient:
    return HttpRecordingClient(system.gateway.client)


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
    await put(system)
    assert await gateway.read(WORKSPACE, WORKFLOW, "R1") == PLAIN
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
    with pytest.raises(InvalidRequest, match="summary"):
        await put(system, "R3", conversation_id="x" * 100_000)
    assert await runs(gateway) == ["R2"]


async def test_a_batch_is_bounded(system: System) -> None:
    batch = StoreRecordings((batched("R1"),) * (MAX_BATCH_RECORDINGS + 1))
    with pytest.raises(InvalidRequest, match="at most"):
        await system.executor.client.call("POST", "/internal/recordings", body=batch)


async def test_a_batch_of_a_worker_of_the_previous_version_is_stored_in_packs(
    system: System, gateway: HttpRecordingClient
) -> None:
    keys = TicketKeys(parse_keys(TICKET_KEY))
    ticket = keys.sign(a_ticket(workspace_id=WORKSPACE, workflow_id=WORKFLOW, run_id=f"R1@{WORKSPACE}"))
    batch = StoreRecordings((batched("R1", ticket=ticket), batched("R2", ticket=ticket), batched("R3", revision=2)))
    client = system.executor.client
    answer = await client.call("POST", path_of("recordings"), body=batch, returns=StoredRecordings)
    assert [each.run_id for each in answer.refused] == [f"R2@{WORKSPACE}"]
    assert sorted(await runs(gateway)) == ["R1", "R3"]
    assert [await question(gateway, run) for run in ("R1", "R3")] == ["question of R1", "question of R3"]


async def test_a_pack_is_refused_unless_its_lengths_match_its_content(system: System) -> None:
    def packed(*lengths: int) -> bytes:
        recordings = tuple(PackedRecording(batched(f"R{each}").summary, each) for each in lengths)
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
    contents = [bytes(each.content) for each in (foreign, first, second)]
    pack = RecordingPack(
        workspace_id=WORKSPACE,
        workflow_id=WORKFLOW,
        record=RecordRun(1, 1),
        recordings=tuple(
            PackedRecording(each.summary, len(content))
            for each, content in zip((foreign, first, second), contents, strict=True)
        ),
        content=b"".join(contents),
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


async def test_a_worker_sends_batches_to_a_service_of_the_previous_version(
    system: System, gateway: HttpRecordingClient
) -> None:
    routes = system.app.router.routes
    routes[:] = [each for each in routes if getattr(each, "path", "") != "/internal/recordings/packs"]
    outbox = RecordingOutbox(HttpRecordingClient(system.executor.client))
    await outbox.start()
    for number in range(3):
        outbox.put(ended_run(a_spec(f"R{number}@{WORKSPACE}")))
    await outbox.stop()
    assert await runs(gateway) == ["R2", "R1", "R0"]


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


async def test_recordings_are_found_by_run_whatever_its_id(system: System, gateway: HttpRecordingClient) -> None:
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
    store = OverheardStore(mongodb_uri, f"{mongodb_prefix}_jobs", INDEXES)
    async with start(store=store, webhook_keys=SecretStr(key("k1"))) as system:
        runs = [new_run_id() for _ in range(5)]
        await put_batch(system, *map(batched, runs))
        recordings = MongoRecordings(store, AesGcmKeyRing.parse(key("k1")), forget_nothing)
        await recordings.start()
        store.overheard[RECORDINGS].asked.clear()
        reads = (recordings.read(WORKSPACE, WORKFLOW, run_key(WORKSPACE, run)) for run in [*runs, "missing"])
        *found, missing = await asyncio.gather(*reads, return_exceptions=True)
        await recordings.stop()
    assert [msgspec.json.decode(each)["runId"] for each in found] == runs
    assert isinstance(missing, NotFound)
    assert len(store.overheard[RECORDINGS].asked) == 4


async def forget_nothing(workspace_id: str, workflow_id: str, runs: Sequence[str] | None) -> None:
    """Nothing else is stored of recordings."""


async def test_of_runs_with_one_id_the_newest_recording_is_read(system: System, gateway: HttpRecordingClient) -> None:
    """A caller may use an id again after the retention of runs, which is shorter than that of recordings."""
    for number in range(3):
        content = msgspec.Raw(msgspec.json.encode({"input": number}))
        await put_batch(system, msgspec.structs.replace(batched("nightly"), content=content), batched(new_run_id()))
        assert await question(gateway, "nightly") == number


async def test_of_recordings_of_one_run_in_several_packs_the_last_is_stored(
    system: System, gateway: HttpRecordingClient
) -> None:
    """The workflow's recording was changed between two runs with an id, so their recordings are in two packs."""
    recordings = [
        msgspec.structs.replace(
            batched("nightly", revision=revision), content=msgspec.Raw(msgspec.json.encode({"input": revision}))
        )
        for revision in (1, 2)
    ]
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


async def test_packs_of_an_earlier_version_which_list_all_runs_are_read_and_deleted(
    system: System, gateway: HttpRecordingClient
) -> None:
    names = [new_run_id() for _ in range(3)]
    await put_batch(system, *map(batched, names))
    earlier = {"$set": {"runs": names}, "$unset": {"first_ms": 1, "last_ms": 1}}
    await system.store.collection(RECORDINGS).update_many({}, earlier)
    assert await question(gateway, names[1]) == f"question of {names[1]}"
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id=names[1])) == 1
    assert await runs(gateway) == [names[2], names[0]]
    assert await question(gateway, names[2]) == f"question of {names[2]}"


async def test_recordings_of_an_earlier_version_are_listed_read_and_deleted(
    system: System, gateway: HttpRecordingClient
) -> None:
    await put_by_an_earlier_version(system, "R1")
    await put_by_an_earlier_version(system, "R2", conversation_id="c")
    await put_batch(system, batched("R3", conversation_id="c"))
    assert sorted(await runs(gateway)) == ["R1", "R2", "R3"]
    assert await runs(gateway, conversation_id="c") == ["R3", "R2"]
    assert await gateway.read(WORKSPACE, WORKFLOW, "R1") == PLAIN
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id="R1")) == 1
    assert await gateway.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, conversation_id="c")) == 2
    assert [await documents(system, name) for name in (RECORDINGS, CHUNKS)] == [[], []]


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
        with pytest.raises(Unavailable):
            await put(system, "R2")
    assert await runs(gateway) == ["R1"]
