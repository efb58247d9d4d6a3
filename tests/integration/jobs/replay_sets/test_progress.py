"""Each recorded run is replayed once, a bounded number at a time, whatever is interrupted."""

from contextlib import AsyncExitStack

import pytest
from tests.integration.jobs.conftest import Start
from tests.integration.jobs.replay_sets.conftest import OPTIONS
from tests.support.deploy import key
from tests.support.jobs.replay_sets import TARGET, a_set, end, ended, record, replayed, work
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec

from jobs_service.replay_sets import runner as pace
from jobs_service.replay_sets.documents import REPLAY_SETS, REPLAYED_RUNS
from jobs_service.replay_sets.repository import MongoReplaySets
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.replay_sets import ReplaySetStatus
from shared.security.aes_gcm import AesGcmKeyRing


async def test_the_newest_recorded_runs_are_replayed_on_the_target_once_each(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1", "R2", "R3", "R4")
    await record(system, "cut", is_cut=True)
    created = await replays.create(a_set(last=3, ignore=("*.at",)))
    assert (created.status, created.total, created.snapshot_hash) == (ReplaySetStatus.RUNNING, 3, "c" * 64)
    granted = await system.executor.begin()
    assert granted.run.snapshot == TARGET
    assert granted.run.replay is not None
    assert (granted.run.replay.ignore, granted.run.replay.set_id) == (("*.at",), created.id)
    await end(system, granted)
    assert sorted([replayed(granted), *await work(system, 2)]) == ["R2", "R3", "R4"]
    done = await ended(replays, created.id)
    assert (done.status, done.counts.same, done.refusals) == (ReplaySetStatus.PASSED, 3, ())
    assert (done.recorded_p50_ms, done.replayed_p50_ms) == (10.0, 20.0)
    assert await system.executor.idle()


async def test_a_bounded_number_of_replays_is_in_progress(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, *(f"R{number}" for number in range(6)))
    first = await replays.create(a_set())
    second = await replays.create(a_set())
    started = [await system.executor.begin() for _ in range(3)]
    of_first = [each for each in started if each.run.replay is not None and each.run.replay.set_id == first.id]
    assert len(of_first) == 2
    with pytest.raises(TimeoutError):
        await system.executor.next(0.6)
    for granted in started:
        await end(system, granted)
    await work(system, 9)
    assert {(await ended(replays, each.id)).status for each in (first, second)} == {ReplaySetStatus.PASSED}


async def test_waiting_runs_of_callers_precede_replays(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    for _ in range(2):
        await system.gateway.accept(a_spec(), concurrency=1)
    caller = await system.executor.begin()
    assert caller.run.replay is None
    created = await replays.create(a_set(concurrency_limit=1))
    with pytest.raises(TimeoutError):
        await system.executor.next(0.6)
    await system.executor.finish(caller.run.run_id, caller.attempt)
    caller = await system.executor.begin()
    assert caller.run.replay is None
    await system.executor.finish(caller.run.run_id, caller.attempt)
    assert await work(system, 1) == ["R1"]
    assert (await ended(replays, created.id)).status is ReplaySetStatus.PASSED


async def test_replays_are_paced_only_while_callers_run_workflows(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "QUIET_SECONDS", 3600.0)
    async with start(**OPTIONS, replays_per_second=0.01) as system:
        await system.executor.listen()
        replays = HttpReplaySetClient(system.gateway.client)
        await record(system, *(f"R{number}" for number in range(6)))
        alone = await replays.create(a_set())
        await work(system, 6)
        assert (await ended(replays, alone.id)).counts.same == 6
        await system.gateway.accept(a_spec())
        caller = await system.executor.begin()
        await system.executor.finish(caller.run.run_id, caller.attempt)
        await replays.create(a_set())
        await work(system, 1)
        with pytest.raises(TimeoutError):
            await system.executor.next(0.6)


async def test_a_replay_takes_no_concurrency_slot_of_callers(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    await replays.create(a_set(concurrency_limit=1))
    replay = await system.executor.begin()
    await system.gateway.accept(a_spec(), concurrency=1)
    assert (await system.executor.begin()).run.replay is None
    await end(system, replay)


async def test_sets_of_each_workspace_are_processed_in_turn(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    sets = [await replays.create(a_set()) for _ in range(3)]
    stored = await system.collection(REPLAY_SETS).find_one({"_id": sets[2].id})
    assert stored is not None
    other = {"_id": "other", "workspace_id": "other", "position": f"9{stored['position']}"}
    await system.collection(REPLAY_SETS).insert_one(stored | other)
    found = await MongoReplaySets(system.store, AesGcmKeyRing.parse(key("k1"))).open_sets(2)
    assert [each.id for each in found] == [sets[0].id, sets[2].id]


async def test_another_process_continues_a_set_and_replays_nothing_twice(start: Start) -> None:
    async with AsyncExitStack() as first:
        system = await first.enter_async_context(start(**OPTIONS))
        await system.executor.listen()
        replays = HttpReplaySetClient(system.gateway.client)
        await record(system, "R1", "R2", "R3")
        created = await replays.create(a_set())
        done = await work(system, 1)
        # A process that dies after it stored a run, and before it notes that.
        await system.collection(REPLAYED_RUNS).update_many({"state": "started"}, {"$set": {"state": "waiting"}})
    async with start(**OPTIONS) as system:
        await system.executor.listen()
        done += await work(system, 2)
        replays = HttpReplaySetClient(system.gateway.client)
        assert (await ended(replays, created.id)).counts.same == 3
        assert sorted(done) == ["R1", "R2", "R3"]
        assert await system.stored() == 3


async def test_a_canceled_set_starts_nothing_and_keeps_its_results(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1", "R2", "R3", "R4")
    created = await replays.create(a_set())
    granted = await system.executor.begin()
    canceled = await replays.cancel(WORKSPACE, WORKFLOW, created.id)
    assert canceled.status is ReplaySetStatus.CANCELED
    assert canceled.counts.skipped == 4
    assert granted.run.run_id in system.cancels
    again = await replays.cancel(WORKSPACE, WORKFLOW, created.id)
    assert again.finished_at == canceled.finished_at
