"""Durable runs: claimed, fenced, journaled; a lost worker costs an attempt, never a result."""

import asyncio

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.unit.executor.fakes import JobsService, Services, Work, launcher, spec

from executor_service.application.durable_runs import DurableRunWorker
from executor_service.application.lease import RENEWALS_PER_LEASE
from executor_service.application.running_runs import RunningRuns
from shared.contracts.messages import CancelRun, DurableRunDispatched
from shared.contracts.runs import RunMode, RunStatus

DISPATCH = DurableRunDispatched("r1", "d1", "w1")


class World:
    """A jobs-service with one run, and any number of workers."""

    def __init__(self) -> None:
        self.jobs = JobsService(spec(mode=RunMode.ASYNC))
        self.work, self.running = Work(), RunningRuns()
        self.worker = self.new_worker(self.work, self.running)

    def new_worker(self, work: Work, running: RunningRuns | None = None) -> DurableRunWorker:
        blocks = launcher(Services(), [("function", work)])
        return DurableRunWorker(blocks, self.jobs, running or RunningRuns(), worker_id="worker")


@pytest.fixture
def world() -> World:
    return World()


async def begin(world: World) -> asyncio.Task[None]:
    world.work.go_on.clear()
    run = asyncio.create_task(world.worker.work(DISPATCH, redelivered=False))
    await asyncio.wait_for(world.work.begun.wait(), 30)
    return run


async def test_a_granted_run_is_journaled_and_finished(world: World) -> None:
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.COMPLETED
    assert [entry.index for entry in world.jobs.journal] == list(range(len(world.jobs.journal)))
    assert world.jobs.journal


async def test_what_blocks_did_is_stored_unless_the_workflow_keeps_no_data(world: World) -> None:
    await world.worker.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert [block.block_name for block in world.jobs.finished.blocks] == ["Start", "Work"]

    silent = World()
    silent.jobs.run = msgspec.structs.replace(silent.jobs.run, stores_data=False)
    await silent.worker.work(DISPATCH, redelivered=False)
    assert silent.jobs.finished is not None
    assert silent.jobs.finished.blocks == ()


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


async def test_a_worker_that_lost_its_lease_stores_nothing(world: World) -> None:
    run = await begin(world)
    world.jobs.attempt += 1
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is None


async def test_a_worker_is_heard_of_several_times_in_each_lease(world: World) -> None:
    run = await begin(world)
    await eventually(lambda: world.jobs.renewals > RENEWALS_PER_LEASE)
    world.work.go_on.set()
    await run


async def test_a_renewal_that_hangs_is_asked_again_within_the_lease(world: World) -> None:
    world.jobs.hanging_renewals = 1
    run = await begin(world)
    await eventually(lambda: world.jobs.renewals)
    world.work.go_on.set()
    await run
    assert world.jobs.finished is not None


async def test_a_renewal_that_is_refused_for_another_reason_than_a_lost_lease_is_asked_again(world: World) -> None:
    world.jobs.refused_renewals = 1
    run = await begin(world)
    await eventually(lambda: world.jobs.renewals)
    world.work.go_on.set()
    await run
    assert world.jobs.finished is not None


async def test_the_lease_is_kept_until_the_result_is_stored(world: World) -> None:
    run = await begin(world)
    world.jobs.failures_left = 1
    renewed_before = world.jobs.renewals
    world.work.go_on.set()
    await run
    assert world.jobs.renewals > renewed_before + RENEWALS_PER_LEASE


async def test_a_long_lease_is_seldom_renewed(world: World) -> None:
    world.jobs.lease_ms = 3_600_000
    run = await begin(world)
    await asyncio.sleep(0.1)
    world.work.go_on.set()
    await run
    assert world.jobs.renewals == 0


async def test_a_cancel_is_learned_from_the_lease_too(world: World) -> None:
    run = await begin(world)
    world.jobs.cancelled = True
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.CANCELLED


async def test_a_cancel_over_the_broker_reaches_the_run(world: World) -> None:
    run = await begin(world)
    world.running.on_control(CancelRun("r1"))
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.CANCELLED


async def test_a_draining_worker_hands_its_runs_back(world: World) -> None:
    run = await begin(world)
    world.worker.release_all()
    await asyncio.wait_for(run, 30)
    assert world.jobs.released == 1
    assert world.jobs.finished is None


async def test_what_a_draining_worker_has_done_goes_with_the_run(world: World) -> None:
    quiet = Work(code="return 1")  # nothing outside: the journal need not be stored before it
    quiet.go_on.clear()
    worker = world.new_worker(quiet)
    run = asyncio.create_task(worker.work(DISPATCH, redelivered=False))
    await asyncio.wait_for(quiet.begun.wait(), 30)
    worker.release_all()
    await asyncio.wait_for(run, 30)

    assert [entry.kind for entry in world.jobs.journal] == ["block"]


async def test_a_result_is_kept_until_jobs_service_answers(world: World) -> None:
    run = await begin(world)
    world.jobs.failures_left = 1
    world.work.go_on.set()
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None


async def test_a_message_that_comes_again_while_its_run_is_in_hand_is_forgotten(world: World) -> None:
    run = await begin(world)
    await asyncio.wait_for(world.worker.work(DISPATCH, redelivered=False), 30)
    await asyncio.wait_for(world.worker.work(DISPATCH, redelivered=True), 30)
    world.work.go_on.set()
    await run

    assert (world.work.times, world.jobs.attempt) == (1, 1)
    assert world.jobs.finished is not None
