"""The dispatcher: fair, bounded and confirmed."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from tests.support.jobs.dispatcher import System, cut_short, figure
from tests.support.jobs.makers import NOW, after

from jobs_service.queue.backlog import first_dispatch, is_due
from shared.errors import Unavailable


@pytest.fixture
def system() -> System:
    return System()


async def test_the_number_of_unclaimed_published_runs_is_bounded() -> None:
    system = System(window=4)
    system.queue.add("a", *(f"a{n}" for n in range(10)))

    await system.dispatcher.step()
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1", "a2", "a3"]

    system.queue.claim("a1")
    await system.dispatcher.step()
    assert system.sent[4:] == ["a4"]


async def test_new_runs_wake_the_dispatcher_only_while_it_may_publish_more() -> None:
    system = System(window=2)
    system.queue.add("a", "a0")
    await system.dispatcher.step()
    assert system.is_woken_by_news()

    system.queue.add("a", "a1", "a2")
    await system.dispatcher.step()
    assert not system.is_woken_by_news()

    system.queue.claim("a0")
    system.queue.claim("a1")
    await system.dispatcher.step()
    assert system.is_woken_by_news()


async def test_capacity_planned_for_vanished_runs_is_available() -> None:
    system = System(window=2)
    system.queue.add("a", "a0", "a1")
    system.queue.cancelled |= {"a0", "a1"}

    await system.dispatcher.step()

    assert system.sent == []
    assert system.is_woken_by_news()


async def test_a_newcomer_is_next_however_long_the_other_queue_is() -> None:
    system = System(window=4)
    system.queue.add("busy", *(f"busy{n}" for n in range(1_000)))
    await system.dispatcher.step()

    system.queue.add("quiet", "quiet0")
    system.queue.claim("busy0")
    await system.dispatcher.step()

    assert system.sent[4:] == ["quiet0"]


async def test_a_workspace_never_exceeds_its_concurrency() -> None:
    system = System(window=10)
    system.queue.concurrency = 2
    system.queue.add("a", "a0", "a1", "a2")

    await system.dispatcher.step()
    system.queue.claim("a0")
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1"]

    del system.queue.in_progress["a0"]
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1", "a2"]


async def test_an_unclaimed_run_is_republished_with_a_new_dispatch(system: System) -> None:
    system.queue.add("a", "a0")
    await system.dispatcher.step()

    system.clock.seconds = 9
    await system.dispatcher.step()
    assert system.sent == ["a0"]

    system.clock.seconds = 11
    await system.dispatcher.step()
    assert system.sent == ["a0", "a0"]
    assert system.work.sent[0].dispatch_id != system.work.sent[1].dispatch_id


async def test_runs_refused_by_the_broker_are_published_after_its_recovery(system: System) -> None:
    system.queue.add("a", "a0")
    system.work.is_up = False
    await system.dispatcher.step()
    await system.dispatcher.step()

    system.work.is_up = True
    await system.dispatcher.step()

    assert system.sent == ["a0"]
    assert system.queue.unclaimed["a0"].dispatches == 1, "an outage does not make anybody wait longer"


async def test_a_round_that_the_store_refused_loses_nothing(system: System) -> None:
    system.queue.add("a", "a0")
    system.queue.fails = Unavailable("the store is unavailable")
    with pytest.raises(Unavailable):
        await system.dispatcher.step()

    await system.dispatcher.step()

    assert system.sent == ["a0"]


async def test_a_run_of_an_interrupted_round_keeps_its_turn() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1")
    await cut_short(system)

    await system.dispatcher.step()

    assert system.sent == ["a0"]


async def test_a_broker_that_refuses_everything_is_reported_once(system: System) -> None:
    system.queue.add("a", "a0")
    system.work.is_up = False
    with capture_logs() as logs:
        for _ in range(20):
            await system.dispatcher.step()
        system.work.is_up = True
        await system.dispatcher.step()
    assert [line["event"] for line in logs] == ["runs_waiting_for_broker", "broker_accepts_runs"]
    assert system.sent == ["a0"]


def test_a_delay_beyond_the_maximum_is_waited_out() -> None:
    hour = timedelta(hours=1)
    assert [is_due(NOW, 1, after(seconds), hour) for seconds in (601, 3_599, 3_600)] == [False, False, True]


def test_runs_published_before_a_clock_step_are_republished() -> None:
    patience = timedelta(seconds=10)
    assert [is_due(after(30), 1, NOW, patience), is_due(after(9), 1, NOW, patience)] == [True, False]


async def test_the_age_of_an_unclaimed_run_counts_from_its_first_dispatch(system: System) -> None:
    system.queue.add("a", "a0")
    for _ in range(100):  # dispatches after 0, 10, 30 and 70 s
        await system.dispatcher.step()
        system.clock.seconds += 1
    await system.dispatcher.step()
    assert system.sent == ["a0"] * 4
    assert figure("oldest_unclaimed_seconds") == 100

    system.queue.claim("a0")
    await system.dispatcher.step()
    assert figure("oldest_unclaimed_seconds") == 0


@pytest.mark.parametrize("dispatches", [1, 2, 7, 30])
def test_the_first_dispatch_is_as_long_ago_as_all_delays_together(dispatches: int) -> None:
    patience, first = timedelta(seconds=10), NOW
    last = first
    for number in range(1, dispatches):
        last += next(timedelta(seconds=n) for n in range(700) if is_due(NOW, number, after(n), patience))
    assert first_dispatch(last, dispatches, patience) == first
