"""Replay sets: each recorded run is replayed once, a bounded number at a time, whatever is interrupted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.eventually import until
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome

from jobs_service.recordings.repository import RECORDINGS
from jobs_service.replay_sets import pace
from jobs_service.replay_sets.documents import REPLAY_SETS, REPLAYED_RUNS
from jobs_service.replay_sets.ports import STARTED, WAITING, RunOfSet
from jobs_service.replay_sets.repository import MAX_OPEN_SETS, MongoReplaySets
from jobs_service.replay_sets.rules import Judgement
from jobs_service.runs.documents import RUNS
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.clients.jobs.worker_runs import WorkerRunClient
from shared.contracts.claims import ClaimGranted
from shared.contracts.erasure import Erase, Erased
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import (
    CHANGED_OUTPUT,
    BlockDifference,
    DeleteRecordings,
    Difference,
    RecordingSummary,
    ReplayResult,
    ReplayVerdict,
    StoreRecording,
)
from shared.contracts.replay_sets import (
    CreateReplaySet,
    ModelBudget,
    ReplayCounts,
    ReplayedRun,
    ReplayedVerdict,
    ReplaySet,
    ReplaySetStatus,
    ReplayThresholds,
)
from shared.contracts.runs import ErrorCode, RunError, RunStatus, SnapshotRef
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import new_id, new_run_id, run_key
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.current_ticket import using_ticket
from shared.web.paths import path_of

OPTIONS: dict[str, Any] = {"webhook_keys": SecretStr(key("k1")), "replays_in_progress": 3, "replays_per_set": 2}
TARGET = SnapshotRef(WORKSPACE, WORKFLOW, "c" * 64)


@pytest.fixture
async def system(start: Start) -> AsyncIterator[System]:
    async with start(**OPTIONS) as system:
        await system.executor.listen()
        yield system


@pytest.fixture
def replays(system: System) -> HttpReplaySetClient:
    return HttpReplaySetClient(system.gateway.client)


async def record(system: System, *run_ids: str, is_cut: bool = False) -> None:
    """Store recordings of version 7 of the workflow, oldest first."""
    for run_id in run_ids:
        content = msgspec.json.encode({"runId": run_id, "snapshotHash": "7" * 64, "version": 7})
        summary = RecordingSummary(run_id=run_id, workflow_id=WORKFLOW, started_at=datetime.now(UTC), is_cut=is_cut)
        body = StoreRecording(summary=summary, record=RecordRun(1, 1), content=msgspec.Raw(content))
        await system.executor.client.call(
            "PUT", path_of("recordings", WORKSPACE, run_key(WORKSPACE, run_id)), body=body
        )


def a_set(**fields: Any) -> CreateReplaySet:
    known: dict[str, Any] = {"id": new_id(), "run": a_spec(snapshot=TARGET), "concurrency_limit": 100}
    return CreateReplaySet(**(known | {"suggest_ignore": False} | fields))


def a_result(run_id: str, verdict: ReplayVerdict = ReplayVerdict.SAME, **more: Any) -> ReplayResult:
    return ReplayResult(replay_of=run_id, verdict=verdict, duration_ms=20.0, recorded_duration_ms=10.0, **more)


def replayed(granted: ClaimGranted) -> str:
    """Return the recorded run that a claimed run replays."""
    assert granted.run.replay is not None
    return granted.run.replay.run_id.partition("@")[0]


async def end(system: System, granted: ClaimGranted, result: ReplayResult | None = None) -> None:
    """Report the comparison of a replay."""
    output = msgspec.json.encode(result or a_result(replayed(granted)))
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(output=output))


async def work(system: System, count: int, **results: ReplayResult) -> list[str]:
    """Execute replays; return the recorded runs."""
    done = []
    for _ in range(count):
        granted = await system.executor.begin()
        done.append(replayed(granted))
        await end(system, granted, results.get(done[-1]))
    return done


async def ended(replays: HttpReplaySetClient, set_id: str) -> ReplaySet:
    async def is_ended() -> bool:
        return (await replays.get(WORKSPACE, WORKFLOW, set_id)).status is not ReplaySetStatus.RUNNING

    await until(is_ended)
    return await replays.get(WORKSPACE, WORKFLOW, set_id)


async def results(
    replays: HttpReplaySetClient, set_id: str, verdict: ReplayedVerdict | None = None
) -> list[ReplayedRun]:
    page = await replays.runs(WORKSPACE, WORKFLOW, set_id, verdict=verdict, limit=200, cursor=None)
    return list(page.runs)


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


async def test_a_repeated_request_returns_the_first_set(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    request = a_set(fingerprint="a")
    first = await replays.create(request)
    assert (await replays.create(request)).id == first.id
    with pytest.raises(Conflict):
        await replays.create(msgspec.structs.replace(request, fingerprint="b"))
    assert len(await system.collection(REPLAY_SETS).find({}).to_list()) == 1


async def test_of_two_simultaneous_requests_with_one_id_the_second_is_refused_or_returns_the_same_set(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1", "R2", "R3")
    for _ in range(5):
        one = a_set(fingerprint="a", last=1)
        other = msgspec.structs.replace(one, fingerprint="b", last=3)
        answers = await asyncio.gather(*map(replays.create, (one, other, one)), return_exceptions=True)
        created = [each for each in answers if isinstance(each, ReplaySet)]
        refused = [each for each in answers if isinstance(each, Conflict)]
        assert (len(created), len(refused)) in ((2, 1), (1, 2))
        page = await replays.runs(WORKSPACE, WORKFLOW, one.id, verdict=None, limit=10, cursor=None)
        assert {each.total for each in created} == {len(page.runs)}


async def test_a_set_needs_recorded_runs(system: System, replays: HttpReplaySetClient) -> None:
    with pytest.raises(InvalidRequest, match="no recorded runs"):
        await replays.create(a_set())
    with pytest.raises(NotFound, match="R9"):
        await replays.create(a_set(run_ids=(f"R9@{WORKSPACE}",)))


async def test_a_set_replays_the_runs_that_it_names(system: System, replays: HttpReplaySetClient) -> None:
    names = [new_run_id(), "R1", new_run_id(), new_id()]
    await record(system, *names, new_run_id())
    created = await replays.create(a_set(run_ids=tuple(run_key(WORKSPACE, name) for name in names)))
    page = await replays.runs(WORKSPACE, WORKFLOW, created.id, verdict=None, limit=10, cursor=None)
    assert [each.run_id for each in page.runs] == names


async def test_a_workspace_has_a_bounded_number_of_sets_in_progress(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    first = a_set()
    await replays.create(first)
    for _ in range(MAX_OPEN_SETS - 1):
        await replays.create(a_set())
    with pytest.raises(Conflict, match="in progress"):
        await replays.create(a_set())
    assert (await replays.create(first)).id == first.id
    await replays.cancel(WORKSPACE, WORKFLOW, first.id)
    await replays.create(a_set())


async def test_sets_of_each_workspace_are_processed_in_turn(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    sets = [await replays.create(a_set()) for _ in range(3)]
    stored = await system.collection(REPLAY_SETS).find_one({"_id": sets[2].id})
    assert stored is not None
    other = {"_id": "other", "workspace_id": "other", "position": f"9{stored['position']}"}
    await system.collection(REPLAY_SETS).insert_one(stored | other)
    found = await MongoReplaySets(system.store, AesGcmKeyRing.parse(key("k1"))).open_sets(2)
    assert [each.id for each in found] == [sets[0].id, sets[2].id]


async def test_sets_are_listed_newest_first_and_only_in_their_workflow(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    sets = [await replays.create(a_set()) for _ in range(3)]
    first = await replays.page(WORKSPACE, WORKFLOW, limit=2, cursor=None)
    rest = await replays.page(WORKSPACE, WORKFLOW, limit=2, cursor=first.next_cursor)
    assert [each.id for each in (*first.sets, *rest.sets)] == [each.id for each in reversed(sets)]
    for workspace_id, workflow_id in (("other", WORKFLOW), (WORKSPACE, "other")):
        with pytest.raises(NotFound):
            await replays.get(workspace_id, workflow_id, sets[0].id)
        assert (await replays.page(workspace_id, workflow_id, limit=2, cursor=None)).sets == ()


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


async def test_a_result_that_was_stored_as_a_large_value_is_read(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    created = await replays.create(a_set())
    long = tuple(Difference(f"field{number}", "x" * 400, "y") for number in range(50))
    await work(system, 1, R1=a_result("R1", ReplayVerdict.DIFFERENT, output=long))
    await ended(replays, created.id)
    (row,) = await results(replays, created.id)
    assert row.result is not None
    assert len(row.result.output) == 5


def _block(name: str, *differences: Difference, reason: str = CHANGED_OUTPUT) -> BlockDifference:
    return BlockDifference(path=name, block_id=name, block_name=name, reason=reason, differences=differences)


async def _left(system: System) -> int:
    return sum([len(await system.collection(name).find({}).to_list()) for name in (REPLAY_SETS, REPLAYED_RUNS)])


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
