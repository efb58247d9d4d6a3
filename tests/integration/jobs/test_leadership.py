"""Who leads, in a real store: one at a time, and each term has a number of its own."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jobs_service.adapters.mongo_leases import MongoLeases
from jobs_service.ports import Leadership
from shared.store.client import Store

LONG = timedelta(seconds=60)
ONE, OTHER = Leadership("dispatcher", "one"), Leadership("dispatcher", "other")


@pytest.fixture
async def leases(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[MongoLeases]:
    store = Store(mongodb_uri, f"{mongodb_prefix}_jobs", ())
    await store.start()
    yield MongoLeases(store)
    await store.stop()


async def test_who_goes_on_leading_stays_in_the_same_term(leases: MongoLeases) -> None:
    assert [await leases.hold(ONE, LONG), await leases.hold(ONE, LONG)] == [1, 1]
    assert await leases.hold(OTHER, LONG) is None
    await leases.leave(ONE)
    assert await leases.hold(OTHER, LONG) == 2


async def test_nobody_gives_up_what_another_leads(leases: MongoLeases) -> None:
    await leases.hold(ONE, LONG)
    await leases.leave(OTHER)
    assert await leases.hold(OTHER, LONG) is None
    assert await leases.hold(ONE, LONG) == 1


async def test_a_lease_of_a_clock_that_was_ahead_and_went_back_keeps_nobody_waiting(leases: MongoLeases) -> None:
    await leases.hold(ONE, timedelta(hours=1))
    assert await leases.hold(OTHER, timedelta(seconds=5)) == 2
