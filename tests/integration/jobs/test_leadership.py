"""Leadership in a real store: one leader at a time, and a separate number for each term."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.support.jobs.fakes import ManualClock

from jobs_service.leadership import Leadership, MongoLeases
from shared.store.client import Store

LONG, TTL = timedelta(seconds=60), timedelta(seconds=5)
ONE, OTHER = Leadership("dispatcher", "one"), Leadership("dispatcher", "other")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def leases(mongodb_uri: str, mongodb_prefix: str, clock: ManualClock) -> AsyncIterator[MongoLeases]:
    store = Store(mongodb_uri, f"{mongodb_prefix}_jobs", ())
    await store.start()
    yield MongoLeases(store, clock)
    await store.stop()


async def test_a_leader_that_renews_keeps_its_term(leases: MongoLeases) -> None:
    assert [await leases.hold(ONE, LONG), await leases.hold(ONE, LONG)] == [1, 1]
    assert await leases.hold(OTHER, LONG) is None
    await leases.release(ONE)
    assert await leases.hold(OTHER, LONG) == 2


async def test_only_the_leader_gives_up_its_lead(leases: MongoLeases) -> None:
    await leases.hold(ONE, LONG)
    await leases.release(OTHER)
    assert await leases.hold(OTHER, LONG) is None
    assert await leases.hold(ONE, LONG) == 1


async def test_a_leader_that_is_silent_for_a_lease_is_replaced_though_the_clock_was_set_back(
    leases: MongoLeases, clock: ManualClock
) -> None:
    await leases.hold(ONE, timedelta(hours=1))  # until_ms lies as far ahead as if the clock had been set back
    assert await leases.hold(OTHER, TTL) is None
    clock.seconds += TTL.total_seconds() - 1
    assert await leases.hold(OTHER, TTL) is None
    clock.seconds += 1
    assert await leases.hold(OTHER, TTL) == 2


async def test_a_leader_that_renews_stays_however_far_ahead_its_lease_ends(
    leases: MongoLeases, clock: ManualClock
) -> None:
    await leases.hold(ONE, timedelta(hours=1))
    assert await leases.hold(OTHER, TTL) is None
    clock.seconds += TTL.total_seconds()
    await leases.hold(ONE, timedelta(hours=2))
    assert await leases.hold(OTHER, TTL) is None
    clock.seconds += TTL.total_seconds() - 1
    assert await leases.hold(OTHER, TTL) is None
