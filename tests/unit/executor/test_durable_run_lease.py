"""The lease of a durable run: renewed, lost, checked, and handed back."""

import asyncio
import time

import pytest
from tests.support.eventually import eventually
from tests.support.executor.durable_runs import DISPATCH, World, a_long_journal, begin
from tests.support.executor.fakes import Work

from executor_service.application.lease import RENEWALS_PER_LEASE
from executor_service.engine import Call, Inputs
from shared.contracts.messages import CancelRun
from shared.contracts.runs import RunStatus


@pytest.fixture
def world() -> World:
    return World()


async def test_a_worker_that_lost_its_lease_stops_and_stores_nothing(world: World) -> None:
    run = await begin(world)
    world.jobs.attempt += 1
    done, _ = await asyncio.wait([run], timeout=30)
    assert done
    assert world.jobs.finished is None


async def test_a_worker_renews_several_times_per_lease(world: World) -> None:
    run = await begin(world)
    await eventually(lambda: world.jobs.renewals > RENEWALS_PER_LEASE)
    world.work.go_on.set()
    await run


async def test_a_hanging_renewal_is_retried_within_the_lease(world: World) -> None:
    world.jobs.hanging_renewals = 1
    run = await begin(world)
    await eventually(lambda: world.jobs.renewals)
    world.work.go_on.set()
    await run
    assert world.jobs.finished is not None


async def test_a_renewal_refused_for_another_reason_than_a_lost_lease_is_retried(world: World) -> None:
    world.jobs.refused_renewals = 1
    run = await begin(world)
    await eventually(lambda: world.jobs.renewals)
    world.work.go_on.set()
    await run
    assert world.jobs.finished is not None


async def test_the_lease_is_renewed_until_the_result_is_stored(world: World) -> None:
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
    world.running.handle_control(CancelRun("r1"))
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.CANCELLED


async def test_a_stop_of_the_caller_before_a_pause_does_not_stop_the_resumed_run(world: World) -> None:
    hung_up = CancelRun("r1", "caller_gone")
    world.running.handle_control(hung_up)
    run = await begin(world)
    world.running.handle_control(hung_up)
    world.work.go_on.set()
    await asyncio.wait_for(run, 30)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.COMPLETED


async def test_a_draining_worker_hands_its_runs_back(world: World) -> None:
    run = await begin(world)
    world.worker.release_all()
    await asyncio.wait_for(run, 30)
    assert world.jobs.released == 1
    assert world.jobs.finished is None


async def test_progress_of_a_draining_worker_is_handed_over_with_the_run(world: World) -> None:
    quiet = Work(code="return 1")  # no outside effect, so the journal need not be stored before it
    quiet.go_on.clear()
    worker = world.new_worker(quiet)
    run = asyncio.create_task(worker.work(DISPATCH, redelivered=False))
    await asyncio.wait_for(quiet.begun.wait(), 30)
    worker.release_all()
    await asyncio.wait_for(run, 30)

    assert [entry.kind for entry in world.jobs.journal] == ["block"]


async def test_a_resumed_process_checks_its_lease_before_storing(world: World) -> None:
    class StandsStill(Work):
        def prepare(self, call: Call) -> Inputs:
            world.jobs.attempt += 1
            time.sleep(2 * world.jobs.lease_ms / 1000)  # the whole process does
            return super().prepare(call)

    await world.new_worker(work := StandsStill()).work(DISPATCH, redelivered=False)
    assert (work.times, world.jobs.appending) == (0, 0)


async def test_a_worker_renews_its_lease_while_reading_the_journal(world: World) -> None:
    await a_long_journal(world)
    world.jobs.line.clear()

    run = asyncio.create_task(world.new_worker(Work()).work(DISPATCH, redelivered=True))
    await eventually(lambda: world.jobs.reading and world.jobs.renewals > RENEWALS_PER_LEASE)
    world.jobs.line.set()
    await run
    assert world.jobs.finished is not None
