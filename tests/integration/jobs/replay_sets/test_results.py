"""A replay set counts each verdict once, and passes or is refused by its thresholds and its budget."""

import pytest
from tests.support.deploy import key
from tests.support.jobs.replay_sets import TARGET, a_result, a_set, end, ended, record, replayed, results, work
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, an_outcome

from jobs_service.recordings.repository import RECORDINGS
from jobs_service.replay_sets.documents import REPLAY_SETS, REPLAYED_RUNS
from jobs_service.replay_sets.repository import MongoReplaySets
from jobs_service.replay_sets.rules import Judgement, Purpose, RunOfSet, judge_measurement
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.clients.jobs.worker_runs import WorkerRunClient
from shared.contracts.payloads import INLINE_LIMIT
from shared.contracts.recordings import CHANGED_OUTPUT, BlockDifference, DeleteRecordings, Difference, ReplayVerdict
from shared.contracts.replay_sets import ModelBudget, ReplayCounts, ReplayedVerdict, ReplaySetStatus, ReplayThresholds
from shared.contracts.runs import ErrorCode, RunError, RunStatus
from shared.errors import NotFound
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.current_ticket import using_ticket


async def test_a_set_passes_within_its_thresholds(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1", "R2", "R3")
    changed = a_result("R2", ReplayVerdict.DIFFERENT, output=(Difference("n", 1, 2),))
    for most, status in ((1, ReplaySetStatus.PASSED), (0, ReplaySetStatus.REFUSED)):
        created = await replays.create(a_set(thresholds=ReplayThresholds(max_different=most)))
        await work(system, 3, R2=changed)
        done = await ended(replays, created.id)
        assert (done.status, done.counts.same, done.counts.different) == (status, 2, 1)
    assert done.refusals == ("different: 1, allowed: 0",)
    (row,) = await results(replays, created.id, ReplayedVerdict.DIFFERENT)
    assert row.run_id == "R2"
    assert row.result is not None
    assert row.result.output == changed.output


async def test_failed_and_deleted_runs_have_a_reason(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1", "R2", "R3")
    created = await replays.create(a_set())
    recordings = HttpRecordingClient(system.gateway.client)
    await recordings.delete(WORKSPACE, DeleteRecordings(workflow_id=WORKFLOW, run_id="R1"))
    error = RunError(ErrorCode.EXECUTION_FAILED, "no such block")
    for _ in range(2):
        granted = await system.executor.begin()
        if replayed(granted) == "R2":
            await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(RunStatus.FAILED, error=error))
        else:
            await end(system, granted)
    done = await ended(replays, created.id)
    assert (done.counts.same, done.counts.failed, done.counts.skipped) == (1, 1, 1)
    reasons = {each.run_id: each.reason for each in await results(replays, created.id)}
    assert reasons == {"R3": None, "R2": "no such block", "R1": "The recording was deleted"}


async def test_a_replay_without_its_recording_is_skipped(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    await system.collection(RECORDINGS).delete_many({})
    granted = await system.executor.begin()
    error = RunError(ErrorCode.EXECUTION_FAILED, "Recording not found")
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(RunStatus.FAILED, error=error))
    assert (await ended(replays, created.id)).counts == ReplayCounts(skipped=1)


async def test_a_result_that_was_stored_as_a_large_value_is_read(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    long = tuple(Difference(f"field{number}", "x" * (INLINE_LIMIT // 50), "y") for number in range(50))
    await work(system, 1, R1=a_result("R1", ReplayVerdict.DIFFERENT, output=long))
    await ended(replays, created.id)
    (row,) = await results(replays, created.id)
    assert row.result is not None
    assert len(row.result.output) == 5


async def test_fields_that_differ_between_two_replays_of_the_recorded_version_are_suggested(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    created = await replays.create(a_set(suggest_ignore=True))
    await work(system, 1, R1=a_result("R1", ReplayVerdict.DIFFERENT, output=(Difference("at", 0, 9),)))
    for at in (1, 2):
        granted = await system.executor.begin()
        assert (granted.run.snapshot.snapshot_hash, granted.run.snapshot.version) == ("7" * 64, 7)
        assert granted.run.replay is not None
        assert granted.run.replay.reports_all
        blocks = (
            _block("Fetch", Difference("items.0.at", 0, at), Difference("total", 1, 2)),
            _block("Add", Difference("total", 1, 2), reason="The error differs"),
        )
        output = (Difference("made[1]", 0, at), Difference("kept", 1, 2))
        await end(system, granted, a_result("R1", ReplayVerdict.DIFFERENT, output=output, changed_blocks=blocks))
    done = await ended(replays, created.id)
    assert done.suggested_ignore == ("Fetch.items.*.at", "output.made[[]1]")
    assert (done.status, done.counts.different, done.total) == (ReplaySetStatus.REFUSED, 1, 1)
    assert len(await results(replays, created.id)) == 1


async def test_long_measurements_that_end_together_are_stored(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    sets = MongoReplaySets(system.store, AesGcmKeyRing.parse(key("k1")))
    (open_set,) = await sets.open_sets(1)
    ignored = {"$set": {"status": ReplaySetStatus.CANCELED.value}}  # by the runner of this process
    await system.collection(REPLAY_SETS).update_one({"_id": created.id}, ignored)
    long = a_result(
        "R1", changed_blocks=tuple(_block("Fetch", Difference("text", "", "x" * 50_000)) for _ in range(100))
    )
    runs = [
        RunOfSet(id=f"{created.id}/0/{round_}", set_id=created.id, number=0, run="R1", purpose=Purpose.MEASURE)
        for round_ in range(4)
    ]
    await sets.measure(open_set, runs)
    await sets.settle(open_set, [(run, judge_measurement(long)) for run in runs])
    assert [each.result == long for each in await sets.measured(created.id)] == [True] * 4


async def test_nothing_is_measured_where_nothing_differs(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    created = await replays.create(a_set(suggest_ignore=True))
    await work(system, 1)
    assert (await ended(replays, created.id)).suggested_ignore == ()
    assert await system.executor.idle()


async def test_runs_beyond_the_budget_are_skipped_and_refuse_the_set(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1", "R2")
    created = await replays.create(a_set())
    await work(system, 2, R1=a_result("R1", ReplayVerdict.UNRECORDED, over_budget=True))
    done = await ended(replays, created.id)
    assert (done.status, done.counts.same, done.counts.skipped) == (ReplaySetStatus.REFUSED, 1, 1)


async def test_a_budget_counts_only_calls_and_costs_of_its_replays(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    created = await replays.create(a_set(budget=ModelBudget(1.0, 3)))
    other = await replays.create(a_set(budget=ModelBudget(9.0, 9)))
    granted = await system.executor.begin()
    assert granted.run.replay is not None
    assert granted.run.replay.calls_models
    mine, theirs = (created, other) if granted.run.replay.set_id == created.id else (other, created)
    jobs = WorkerRunClient(system.executor.client)
    with using_ticket(granted.ticket), pytest.raises(NotFound):
        await jobs.reserve_call(TARGET, theirs.id)
    assert [await jobs.reserve_call(TARGET, created.id) for _ in range(4)] == [True, True, True, False]
    assert await jobs.reserve_call(TARGET, other.id)
    await jobs.charge_call(TARGET, other.id, 9.0)
    assert not await jobs.reserve_call(TARGET, other.id)
    assert (await replays.get(WORKSPACE, WORKFLOW, created.id)).model_calls == 3
    assert (await replays.get(WORKSPACE, WORKFLOW, other.id)).replayed_usd == 9.0
    assert mine.id != theirs.id


async def test_verdicts_are_counted_once_even_if_a_step_is_repeated_or_a_recording_was_deleted(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, *(f"R{number}" for number in range(6)))
    created = await replays.create(a_set())
    sets = MongoReplaySets(system.store, AesGcmKeyRing.parse(key("k1")))
    (open_set,) = await sets.open_sets(1)
    runs = [RunOfSet(id=f"{created.id}/{number}", set_id=created.id, number=number, run="R") for number in range(2, 6)]
    judged = [(run, Judgement(ReplayedVerdict.SAME, result=a_result("R"))) for run in runs]

    async def counts() -> ReplayCounts:
        return (await replays.get(WORKSPACE, WORKFLOW, created.id)).counts

    await sets.settle(open_set, judged[:2])
    assert await counts() == ReplayCounts(same=2)
    await sets.settle(open_set, judged[:3])
    assert await counts() == ReplayCounts(same=3)
    await system.collection(REPLAYED_RUNS).update_one({"_id": runs[3].id}, {"$set": {"is_forgotten": True}})
    await sets.settle(open_set, judged)
    assert await counts() == ReplayCounts(same=3, skipped=1)
    rows = await results(replays, created.id)
    assert [row.result is not None for row in rows] == [False, False, True, True, True, False]


async def test_a_set_ends_with_exact_counts_even_if_a_previous_leader_counts_late(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    sets = MongoReplaySets(system.store, AesGcmKeyRing.parse(key("k1")))
    counts = ReplayCounts(same=1)
    late = {"$inc": {"counts.same": 1, "counts.failed": 1}}
    await system.collection(REPLAY_SETS).update_one({"_id": created.id}, late)
    await sets.finish(created.id, counts, (), None)
    assert (await replays.get(WORKSPACE, WORKFLOW, created.id)).counts == counts


def _block(name: str, *differences: Difference, reason: str = CHANGED_OUTPUT) -> BlockDifference:
    return BlockDifference(path=name, block_id=name, block_name=name, reason=reason, differences=differences)
