"""What the dispatcher tells operators of runs that wait."""

import pytest
from tests.unit.jobs.dispatcher import System, figure


@pytest.fixture
def system() -> System:
    return System()


async def test_runs_that_wait_for_their_own_workspace_are_no_backlog_of_the_operators() -> None:
    system = System(window=10)
    system.queue.concurrency = 2
    system.queue.add("busy", *(f"busy{n}" for n in range(50)))
    await system.dispatcher.step()
    system.queue.claim("busy0")
    system.queue.claim("busy1")

    system.clock.seconds = 3_600
    await system.dispatcher.step()

    assert figure("queued_runs") == 48
    assert figure("oldest_waiting_seconds") == 0
    assert figure("ready_runs") == 0, "more executors would have nothing to do"


async def test_a_run_that_may_run_and_is_not_handed_out_grows_older() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1", "a2")
    await system.dispatcher.step()

    system.clock.seconds = 40
    await system.dispatcher.step()

    assert figure("oldest_waiting_seconds") == 40
    assert figure("ready_runs") == 3


async def test_a_run_counts_its_wait_from_when_its_workspace_had_a_place_for_it() -> None:
    system = System(window=2)
    system.queue.concurrency = 1
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.queue.claim("a0")
    system.clock.seconds = 3_600
    await system.dispatcher.step()

    system.queue.add("b", "b0")
    system.queue.add("c", "c0")
    await system.dispatcher.step()
    del system.queue.at_work["a0"]
    system.clock.seconds = 3_605
    await system.dispatcher.step()

    assert system.sent == ["a0", "b0", "c0"], "there is no room in the window"
    assert figure("oldest_waiting_seconds") == 5


async def test_what_is_handed_out_at_once_has_not_waited(system: System) -> None:
    system.clock.seconds = 600
    system.queue.add("a", "a0")
    await system.dispatcher.step()

    assert system.sent == ["a0"]
    assert figure("oldest_waiting_seconds") == 0
