"""Results of replays are deleted with their recordings and their workflow."""

from datetime import timedelta

import pytest
from tests.support.deploy import key
from tests.support.eventually import until
from tests.support.jobs.replay_sets import a_result, a_set, end, ended, record, results, work
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System

from jobs_service.recordings.repository import RECORDINGS
from jobs_service.replay_sets.documents import REPLAY_SETS, REPLAYED_RUNS
from jobs_service.replay_sets.repository import MongoReplaySets
from jobs_service.replay_sets.routes import MongoReplayOutputs
from jobs_service.replay_sets.rules import STARTED, WAITING, RunOfSet
from jobs_service.runs.documents import RUNS
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.erasure import Erase, Erased
from shared.contracts.payloads import INLINE_LIMIT
from shared.contracts.recordings import DeleteRecordings, Difference, ReplayVerdict
from shared.contracts.replay_sets import ReplaySetStatus
from shared.errors import Unavailable
from shared.security.aes_gcm import AesGcmKeyRing
from shared.web.paths import path_of


async def test_results_of_replays_stay_only_in_the_set_and_go_with_the_recording(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1", "R2")
    created = await replays.create(a_set())
    secret = (Difference("text", "private question", "other"),)
    await work(system, 2, R1=a_result("R1", ReplayVerdict.DIFFERENT, output=secret))
    await ended(replays, created.id)
    stored = [await system.collection(name).find({}).to_list() for name in (RUNS, REPLAYED_RUNS)]
    assert "private" not in repr(stored)
    recordings = HttpRecordingClient(system.gateway.client)
    await recordings.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id="R1"))
    assert {each.run_id: each.result is None for each in await results(replays, created.id)} == {
        "R1": True,
        "R2": False,
    }
    await recordings.delete_of_workflow(WORKSPACE, WORKFLOW, before=1)
    assert await _left(system) == 0


@pytest.mark.parametrize("end_of_set", ["finished", "canceled"])
async def test_large_outputs_are_deleted_even_if_a_step_ends_before_it_does_so(
    system: System, replays: HttpReplaySetClient, monkeypatch: pytest.MonkeyPatch, end_of_set: str
) -> None:
    async def interrupted(*_: object) -> None:
        raise Unavailable("the process has ended")

    monkeypatch.setattr(MongoReplayOutputs, "delete", interrupted)
    await record(system, "R1", "R2")
    created = await replays.create(a_set())
    large = (Difference("text", "x" * INLINE_LIMIT, "y"),)
    await work(system, 1, R1=a_result("R1", output=large), R2=a_result("R2", output=large))

    async def is_judged() -> bool:
        return (await replays.get(WORKSPACE, WORKFLOW, created.id)).counts.done == 1

    await until(is_judged)
    assert len(await system.collection("blobs.files").find({}).to_list()) == 1
    monkeypatch.undo()
    if end_of_set == "canceled":
        await replays.cancel(WORKSPACE, WORKFLOW, created.id)
    else:
        await work(system, 1)
        await ended(replays, created.id)
    assert await system.collection("blobs.files").find({}).to_list() == []
    assert not [each for each in await system.collection(RUNS).find({}).to_list() if "output" in each]


@pytest.mark.parametrize("run_id", ["R1", None])
async def test_deleting_a_recording_deletes_the_result_of_its_replay_in_progress(
    system: System, replays: HttpReplaySetClient, run_id: str | None
) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    granted = await system.executor.begin()
    recordings = HttpRecordingClient(system.gateway.client)
    await recordings.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id=run_id))
    secret = (Difference("text", "private question", "other"),)
    await end(system, granted, a_result("R1", ReplayVerdict.DIFFERENT, output=secret))

    async def is_gone() -> bool:
        found = await system.collection(REPLAY_SETS).find_one({"_id": created.id})
        return found is None if run_id is None else found is not None and found["status"] == "refused"

    await until(is_gone)
    assert "private" not in repr(await system.collection(RUNS).find({}).to_list())
    stored = await system.collection(REPLAYED_RUNS).find({}).to_list()
    assert [(each["verdict"], "result" in each) for each in stored] == ([] if run_id is None else [("skipped", False)])


async def test_a_replay_whose_recording_is_deleted_before_it_is_marked_as_started_is_settled(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    await system.executor.begin()
    sets = MongoReplaySets(system.store, AesGcmKeyRing.parse(key("k1")))
    ignored = {"$set": {"status": ReplaySetStatus.CANCELED.value}}  # by the runner of this process
    await system.collection(REPLAY_SETS).update_one({"_id": created.id}, ignored)
    (run,) = await system.collection(REPLAYED_RUNS).find({}).to_list()
    await system.collection(REPLAYED_RUNS).update_one({"_id": run["_id"]}, {"$set": {"state": WAITING}})
    await sets.forget_recordings(WORKSPACE, WORKFLOW, [run["run"]])
    await sets.mark_started([RunOfSet(id=run["_id"], set_id=created.id, number=0, run=run["run"])])
    (stored,) = await system.collection(REPLAYED_RUNS).find({}).to_list()
    assert (stored["state"], stored.get("verdict")) == (STARTED, None)


async def test_sets_go_with_their_workflow_and_expire_with_their_recordings(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    (recording,) = await system.collection(RECORDINGS).find({}).to_list()
    (stored,) = await system.collection(REPLAYED_RUNS).find({}).to_list()
    assert stored["expires_at"] == recording["expires_at"]
    assert created.expires_at is not None
    assert abs(created.expires_at - recording["expires_at"]) < timedelta(seconds=1)
    await work(system, 1)
    await ended(replays, created.id)
    await system.gateway.client.call("POST", path_of("erasures"), body=Erase(WORKSPACE, WORKFLOW), returns=Erased)
    assert await _left(system) == 0


async def _left(system: System) -> int:
    return sum([len(await system.collection(name).find({}).to_list()) for name in (REPLAY_SETS, REPLAYED_RUNS)])
