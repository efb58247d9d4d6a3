"""The dispatcher's metrics of waiting runs."""

import pytest
from tests.support.jobs.dispatcher import System, figure

from jobs_service import metrics
from jobs_service.queue.backlog import REFILLS_AT_ONCE, STALE_SECONDS


@pytest.fixture
def system() -> System:
    return System()


async def test_runs_that_wait_for_their_own_workspace_do_not_count_as_backlog() -> None:
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


async def test_the_waiting_time_of_a_run_starts_when_its_workspace_has_a_free_slot() -> None:
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
    del system.queue.in_progress["a0"]
    system.clock.seconds = 3_605
    await system.dispatcher.step()

    assert system.sent == ["a0", "b0", "c0"], "there is no room in the window"
    assert figure("oldest_waiting_seconds") == 5


async def test_immediately_dispatched_runs_have_no_waiting_time(system: System) -> None:
    system.clock.seconds = 600
    system.queue.add("a", "a0")
    await system.dispatcher.step()

    assert system.sent == ["a0"]
    assert figure("oldest_waiting_seconds") == 0


async def test_the_heads_of_many_queues_are_read_a_bounded_number_at_a_time_until_all_are_known() -> None:
    system = System(window=1_000)
    for number in range(REFILLS_AT_ONCE + 10):
        system.queue.add(f"w{number}", f"run-{number}")
    await system.dispatcher.step()
    assert system.queue.reads == REFILLS_AT_ONCE
    await system.dispatcher.step()
    assert len(system.sent) == REFILLS_AT_ONCE + 10


async def test_a_head_that_was_read_long_ago_is_read_again() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1", "a2")
    await system.dispatcher.step()
    await system.dispatcher.step()
    assert system.queue.reads == 1
    system.clock.seconds = STALE_SECONDS + 1
    await system.dispatcher.step()
    assert system.queue.reads == 2


async def test_redispatched_runs_take_slots_like_any_other() -> None:
    system = System(window=3)
    system.queue.add("a", *(f"a{n}" for n in range(3)))
    await system.dispatcher.step()
    for run_id in ("a0", "a1", "a2"):
        system.queue.claim(run_id)
    for run_id in ("a0", "a1"):
        system.queue.requeue(run_id)
    system.queue.add("b", "b0", "b1")
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1", "a2", "a0", "a1", "b0"]


async def test_the_number_of_concurrent_redispatches_is_bounded_by_the_slots() -> None:
    system = System(window=2)
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    for run_id in ("a0", "a1"):
        system.queue.claim(run_id)
    system.queue.add("a", "a2")
    await system.dispatcher.step()
    for run_id in ("a0", "a1"):
        system.queue.requeue(run_id)
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1", "a2", "a0"]


def test_of_many_workspaces_those_with_the_longest_backlog_are_reported() -> None:
    metrics.show_workspaces({f"w{queued}": queued for queued in range(metrics.SHOWN_WORKSPACES + 50)})
    assert figure("workspace_queued_runs", workspace="w50") == 50
    assert figure("workspace_queued_runs", workspace="w49") is None
    metrics.show_workspaces({})
