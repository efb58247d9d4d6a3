"""The dispatcher's capacity counters."""

import pytest
from tests.support.jobs.dispatcher import System, cut_short

from jobs_service.queue.backlog import EXPIRY_SECONDS
from jobs_service.queue.capacity import Reservation
from shared.errors import Unavailable


@pytest.fixture
def system() -> System:
    return System()


async def test_claimed_runs_release_their_queue_capacity(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    assert system.queue.booked == {"a": 2}

    system.queue.claim("a0")
    await system.dispatcher.step()
    await system.dispatcher.step()

    assert system.queue.booked == {"a": 1}


async def test_a_new_leader_counts_its_predecessors_dispatches(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.leases.give("dispatcher", "other")
    other = system.another("other")
    await other.step()

    system.queue.claim("a0")
    await other.step()

    assert system.queue.booked == {"a": 1}


async def test_an_unconfirmed_count_is_recounted_and_not_repeated(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.queue.claim("a0")
    system.queue.booked["a"] -= 1  # it was counted, but the answer was lost
    system.queue.fails = Unavailable("the store is unavailable")
    with pytest.raises(Unavailable):
        await system.dispatcher.step()

    await system.dispatcher.step()
    await system.dispatcher.step()

    assert system.queue.booked == {"a": 1}


async def test_a_booking_that_was_cut_short_is_made_at_the_next_step(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.queue.claim("a0")
    await cut_short(system)

    await system.dispatcher.step()

    assert system.queue.booked == {"a": 1}


async def test_a_reservation_that_its_process_does_not_end_expires_and_is_recounted(system: System) -> None:
    system.queue.reservations = [Reservation("batch", {"a": ["a0"]})]
    await system.dispatcher.step()
    assert system.queue.reservations

    system.clock.seconds = EXPIRY_SECONDS
    await system.dispatcher.step()
    assert not system.queue.reservations
    before = len(system.queue.recounts)
    await system.dispatcher.step()
    assert len(system.queue.recounts) == before + 1


async def test_a_reservation_expires_while_the_broker_is_unavailable(system: System) -> None:
    system.queue.reservations = [Reservation("batch", {"a": ["a0"]})]
    system.queue.add("a", "a1")
    system.work.is_up = False
    await system.dispatcher.step()
    system.clock.seconds = EXPIRY_SECONDS
    await system.dispatcher.step()

    assert not system.queue.reservations


async def test_a_new_leader_recounts_the_books(system: System) -> None:
    await system.dispatcher.step()
    await system.dispatcher.step()
    assert system.queue.recounts == [1]

    system.clock.seconds = 301
    await system.dispatcher.step()
    assert system.queue.recounts == [1, 1]


async def test_a_recount_that_a_batch_of_the_previous_version_disturbed_is_made_again_soon(system: System) -> None:
    system.queue.reservations = [Reservation("offer", {"a": ["a0"]}, is_of_previous_version=True)]
    await system.dispatcher.step()
    system.queue.reservations = []
    system.clock.seconds = 1
    await system.dispatcher.step()
    system.clock.seconds = 2
    await system.dispatcher.step()

    assert len(system.queue.recounts) == 2
