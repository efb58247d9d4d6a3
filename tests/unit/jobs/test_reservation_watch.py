"""Reservations expire by one process's observations, never by a wall clock."""

from datetime import timedelta

from tests.support.jobs.fakes import ManualClock

from jobs_service.queue.backlog import EXPIRY_SECONDS, ReservationWatch
from jobs_service.queue.capacity import Reservation

ONE, OTHER = Reservation("one", {"a": ["run"]}), Reservation("other", {"a": ["run-2"]})


def test_a_reservation_expires_after_it_was_seen_for_long_enough() -> None:
    clock = ManualClock()
    watch = ReservationWatch(clock)
    assert watch.expired([ONE]) == []

    clock.seconds = EXPIRY_SECONDS - 1
    assert watch.expired([ONE, OTHER]) == []
    clock.seconds = EXPIRY_SECONDS
    assert watch.expired([ONE, OTHER]) == [ONE]


def test_a_reservation_that_ended_is_forgotten() -> None:
    clock = ManualClock()
    watch = ReservationWatch(clock)
    watch.expired([ONE])
    watch.expired([])

    clock.seconds = EXPIRY_SECONDS
    assert watch.expired([ONE]) == []


def test_a_new_leader_watches_from_the_start() -> None:
    clock = ManualClock()
    watch = ReservationWatch(clock)
    watch.expired([ONE])
    clock.seconds = EXPIRY_SECONDS
    watch.clear()

    assert watch.expired([ONE]) == []


def test_a_leak_is_repaired_within_15_seconds_though_the_leader_died_with_it() -> None:
    replaced_after = timedelta(seconds=5)

    assert replaced_after + timedelta(seconds=EXPIRY_SECONDS) < timedelta(seconds=15)
