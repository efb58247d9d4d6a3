"""Durable runs: claimed, fenced, journaled; a lost worker costs an attempt, never a result."""

import asyncio

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.executor.durable_runs import DISPATCH, World, a_long_journal, begin
from tests.support.executor.fakes import Files, Services, Work, launcher, spec, workflow
from tests.support.left_behind import without_collections
from tests.support.workflow_states import start

from executor_service.application.active_runs import ActiveRuns
from executor_service.application.batched_journal import BatchedJournal
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.application.retries import retry_unavailable
from executor_service.application.run_handle import RunHandle
from executor_service.engine import Call, Execution, RunResult
from executor_service.engine.deadline import OVERTIME_SECONDS
from shared.contracts.messages import CancelRun, DurableRunDispatched
from shared.contracts.runs import RunMode, RunStatus, timeout_message


@pytest.fixture
def world() -> World:
    return World()


async def test_a_granted_run_is_journaled_and_finished(world: World) -> None:
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.COMPLETED
    assert [entry.index for entry in world.jobs.journal] == list(range(len(world.jobs.journal)))
    assert world.jobs.journal


async def test_outputs_of_blocks_are_stored_unless_the_workflow_forbids_it(world: World) -> None:
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert [block.block_name for block in world.jobs.finished.blocks] == ["Start", "Work"]

    silent = World()
    silent.jobs.run = msgspec.structs.replace(silent.jobs.run, stores_data=False)
    await silent.worker.work(DISPATCH, redelivered=False)
    assert silent.jobs.finished is not None
    assert silent.jobs.finished.blocks == ()


@pytest.mark.parametrize(("stores_data", "kinds"), [(True, ["block", "block"]), (False, [])])
async def test_a_failed_run_leaves_its_whole_journal_to_a_repair_unless_it_stores_no_data(
    world: World, stores_data: bool, kinds: list[str]
) -> None:
    quiet = Work(code="return 1")  # no outside effect, so the journal need not be stored for the run itself
    quiet.problem = "unreachable"
    world.jobs.run = msgspec.structs.replace(world.jobs.run, stores_data=stores_data)
    await world.new_worker(quiet).work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.FAILED
    assert [entry.kind for entry in world.jobs.journal] == kinds


async def test_a_refused_claim_runs_nothing(world: World) -> None:
    world.jobs.refuse_claim = True
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.work.times == 0


async def test_a_journaled_block_never_runs_again(world: World) -> None:
    await world.worker.work(DISPATCH, redelivered=False)
    second = Work()
    await world.new_worker(second).work(DISPATCH, redelivered=True)
    assert second.times == 0
    assert world.jobs.finished is not None
    assert bytes(world.jobs.finished.outcome.output.inline) == b'{"result":"done"}'


async def test_a_result_is_kept_until_jobs_service_answers(world: World) -> None:
    run = await begin(world)
    world.jobs.failures_left = 1
    world.work.go_on.set()
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None


async def test_a_message_redelivered_while_its_run_is_active_is_dropped(world: World) -> None:
    run = await begin(world)
    await asyncio.wait_for(world.worker.work(DISPATCH, redelivered=False), 30)
    await asyncio.wait_for(world.worker.work(DISPATCH, redelivered=True), 30)
    world.work.go_on.set()
    await run

    assert (world.work.times, world.jobs.attempt) == (1, 1)
    assert world.jobs.finished is not None


async def test_followers_receive_the_end_of_a_run(world: World) -> None:
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert world.run_events.ends == [world.jobs.finished.outcome]


async def test_followers_receive_no_end_if_another_worker_continues(world: World) -> None:
    run = await begin(world)
    world.jobs.attempt += 1
    await asyncio.wait_for(run, 30)
    assert world.run_events.ends == [None]


async def test_a_later_attempt_has_the_remaining_time_and_reports_all_of_it(world: World) -> None:
    world.jobs.remaining_ms = 50
    await asyncio.wait_for(await begin(world), 30)
    assert world.jobs.finished is not None
    error = world.jobs.finished.outcome.error
    assert error is not None
    assert error.message == timeout_message(world.jobs.run.time_limit_ms)


async def test_a_run_that_this_worker_cannot_start_is_left_to_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        retry_unavailable, "__kwdefaults__", {**(retry_unavailable.__kwdefaults__ or {}), "seconds": 0.0}
    )
    services = Services()
    services.unreachable = True
    await world.new_worker(Work(), services=services).work(DISPATCH, redelivered=False)
    assert (world.jobs.released, world.jobs.finished) == (1, None)


def loading(world: World) -> tuple[asyncio.Task[None], Services]:
    """Begin the run on a worker whose workflow does not load."""
    services = Services()
    services.loading_seconds = 3600.0
    worker = world.new_worker(world.work, world.running, services)
    return asyncio.create_task(worker.work(DISPATCH, redelivered=False)), services


async def test_a_cancel_stops_the_preparation(world: World) -> None:
    run, services = loading(world)
    await eventually(lambda: services.loads)
    world.running.handle_control(CancelRun("r1"))
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.CANCELLED


async def test_the_time_limit_stops_the_preparation(world: World) -> None:
    world.jobs.remaining_ms = 50
    run, _ = loading(world)
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    error = world.jobs.finished.outcome.error
    assert error is not None
    assert error.message == timeout_message(world.jobs.run.time_limit_ms)


async def test_the_preparation_counts_towards_the_time_limit(world: World) -> None:
    services = Services()
    services.loading_seconds = 0.2
    await world.new_worker(world.work, services=services).work(DISPATCH, redelivered=False)
    assert world.work.remaining_seconds <= world.jobs.remaining_ms / 1000 - 0.2 + OVERTIME_SECONDS


async def test_a_later_attempt_that_is_cancelled_while_it_is_prepared_reports_earlier_blocks(world: World) -> None:
    run = await begin(world)
    await eventually(lambda: world.jobs.journal)
    world.jobs.attempt += 1
    await asyncio.wait_for(run, 30)

    services = Services()
    services.loading_seconds = 0.2
    worker = world.new_worker(world.work, world.running, services)
    run = asyncio.create_task(worker.work(DISPATCH, redelivered=True))
    await eventually(lambda: services.loads)
    world.running.handle_control(CancelRun("r1"))
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.CANCELLED
    assert [block.block_name for block in world.jobs.finished.blocks] == ["Start"]


async def test_a_run_granted_to_a_stopping_worker_is_not_started(world: World) -> None:
    world.worker.release_all()
    await world.worker.work(DISPATCH, redelivered=False)
    assert (world.work.times, world.jobs.released) == (0, 1)


async def test_a_result_waits_for_unavailable_services(world: World) -> None:
    services = Services()
    worker = world.new_worker(world.work, services=services)
    world.work.go_on.clear()
    run = asyncio.create_task(worker.work(DISPATCH, redelivered=False))
    await asyncio.wait_for(world.work.begun.wait(), 30)
    async with services.unavailable_for(0.3):
        world.work.go_on.set()
        await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.COMPLETED


async def test_a_claim_is_retried_while_jobs_service_is_unavailable(world: World) -> None:
    world.jobs.failures_left = 1
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    first, second = world.jobs.claims
    assert first.claim_id == second.claim_id, "or the answer to the first could be granted twice"


async def test_a_completed_run_is_freed_without_a_garbage_collection(world: World) -> None:
    with without_collections() as remains:
        for number in range(3):
            await world.worker.work(DurableRunDispatched("r1", f"d{number}", "w1"), redelivered=False)
        await asyncio.sleep(0)
        assert remains.of(RunResult, RunHandle, Execution, BatchedJournal) == []


@pytest.mark.parametrize("how", ["cancelled", "lease lost", "journal refused", "handed back"])
async def test_an_interrupted_run_is_freed_without_a_garbage_collection(world: World, how: str) -> None:
    world.jobs.lease_ms = 60 if how == "lease lost" else 60_000
    with without_collections() as remains:
        run = await begin(world)
        if how in ("lease lost", "journal refused"):
            world.jobs.attempt += 1
        if how == "cancelled":
            world.running.handle_control(CancelRun("r1"))
        if how == "handed back":
            world.worker.release_all()
        if how == "journal refused":
            world.work.go_on.set()
        await asyncio.wait([run], timeout=30)
        assert run.done()
        del run
        await asyncio.sleep(0)
        assert remains.of(RunHandle, Execution, BatchedJournal, Call) == []


async def test_a_later_attempt_continues_at_the_end_of_the_journal(world: World) -> None:
    services = Services(workflow(retry={"enabled": True, "maxTries": 2}))
    run = asyncio.create_task(world.new_worker(world.work, services=services).work(DISPATCH, redelivered=False))
    world.work.go_on.clear()
    await asyncio.wait_for(world.work.begun.wait(), 30)
    world.jobs.attempt += 1
    await asyncio.wait_for(run, 30)

    await world.new_worker(Work(), services=services).work(DISPATCH, redelivered=True)
    assert [entry.kind for entry in world.jobs.journal] == ["block", "intent", "intent", "block"]
    assert [entry.index for entry in world.jobs.journal] == [0, 1, 2, 3]


async def test_a_long_journal_is_read_to_its_end_before_anything_runs(world: World) -> None:
    await a_long_journal(world)
    left = list(world.jobs.journal)

    await world.new_worker(second := Work()).work(DISPATCH, redelivered=True)
    assert world.jobs.finished is not None
    assert (second.times, world.jobs.reading, world.jobs.journal) == (0, len(left) - 1, left)


async def test_a_worker_that_loses_its_run_while_it_reads_the_journal_does_nothing(world: World) -> None:
    await a_long_journal(world)
    world.jobs.line.clear()

    run = asyncio.create_task(world.new_worker(second := Work()).work(DISPATCH, redelivered=True))
    await eventually(lambda: world.jobs.reading)
    world.jobs.attempt += 1
    await asyncio.wait_for(run, 30)
    assert (second.times, world.jobs.released, world.jobs.finished) == (0, 0, None)


async def test_a_run_whose_journal_cannot_be_read_is_left_to_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        retry_unavailable, "__kwdefaults__", {**(retry_unavailable.__kwdefaults__ or {}), "seconds": 0.0}
    )
    await a_long_journal(world)
    world.jobs.reading_fails = True

    await world.new_worker(second := Work()).work(DISPATCH, redelivered=True)
    assert (second.times, world.jobs.released, world.jobs.finished) == (0, 1, None)


async def test_a_file_is_stored_once_across_attempts(world: World) -> None:
    services, files = Services(workflow(start=start({"name": "papers", "type": "file[]"}))), Files()
    paper = {"data": "data:text/plain;base64,aGk=", "name": "a.txt"}
    world.jobs.run = spec(mode=RunMode.ASYNC, body={"papers": [paper]})
    for _ in range(2):
        blocks = launcher(services, [("function", Work())], files=files)
        await DurableRunWorker(blocks, world.jobs, ActiveRuns(), worker_id="worker").work(DISPATCH, redelivered=False)
    assert len(files.kept) == 1
