"""Expired documents are deleted from a store without automatic expiry, and nothing else is."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.support.eventually import until
from tests.support.secantus import throwaway_server

from flowport.servers.secantus import SecantusServer
from shared.clock import SystemClock
from shared.store.client import Collection, Store
from shared.store.expiry import BATCH_SIZE, Expiry, Lifetime
from shared.store.indexes import Index, ascending

OFTEN = 0.05
INDEX = Index("kept", ascending("expires_at"), expire_after_seconds=0)
EVENTS = Index("events", ascending("written_at"), expire_after_seconds=3600)


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusServer]:
    """A server that only these tests use, and one of them kills."""
    with throwaway_server(tmp_path_factory.mktemp("mortal")) as server:
        yield server


@pytest.fixture
def database() -> str:
    """A database of one test alone."""
    return f"test_{uuid4().hex[:12]}"


@pytest.fixture
async def store(mortal: SecantusServer, database: str) -> AsyncIterator[Store]:
    store = Store(mortal.uri, database, [INDEX, EVENTS])
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def expiry(store: Store) -> AsyncIterator[Expiry]:
    expiry = Expiry(
        store.database, [Lifetime("kept", "expires_at", 0), Lifetime("events", "written_at", 3600)], every=OFTEN
    )
    expiry.start()
    yield expiry
    await expiry.stop()


@pytest.fixture
def collection(store: Store) -> Collection:
    return store.collection("kept")


async def left(collection: Collection, *ids: int) -> None:
    """Wait until these are left."""

    async def are_left() -> bool:
        return sorted([each["_id"] async for each in collection.find()]) == list(ids)

    await until(are_left)


async def test_expired_documents_are_deleted_and_others_stay(collection: Collection, expiry: Expiry) -> None:
    await collection.insert_many({"_id": number, "expires_at": ago(days=number)} for number in range(1, 3 * BATCH_SIZE))
    await collection.insert_many(
        [{"_id": 100, "expires_at": ago(hours=-1)}, {"_id": 101}, {"_id": 102, "expires_at": None}]
    )
    await left(collection, 100, 101, 102)


async def test_a_document_is_deleted_when_it_expires(collection: Collection, expiry: Expiry) -> None:
    await collection.insert_many(
        {"_id": number, "expires_at": ago(seconds=-number / 100)} for number in range(3 * BATCH_SIZE)
    )
    await left(collection)
    await collection.insert_one({"_id": 0, "expires_at": ago(days=1)})
    await left(collection)


async def test_a_lifetime_is_counted_from_the_date(store: Store, expiry: Expiry) -> None:
    events = store.collection("events")
    await events.insert_many([{"_id": 1, "written_at": ago(minutes=61)}, {"_id": 2, "written_at": ago(minutes=59)}])
    await left(events, 2)


class MovedClock(SystemClock):
    """Clock that is ahead by a fixed time."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


async def test_a_clock_that_was_ahead_for_a_while_takes_nothing_with_it_afterwards(
    store: Store, collection: Collection
) -> None:
    clock = MovedClock()
    expiry = Expiry(store.database, [Lifetime("kept", "expires_at", 0)], every=OFTEN, clock=clock)
    expiry.start()
    clock.ahead = timedelta(hours=2)
    await collection.insert_one({"_id": 1, "expires_at": ago(hours=-1)})
    await left(collection)
    clock.ahead = timedelta(0)
    await collection.insert_many([{"_id": 2, "expires_at": ago(hours=-1)}, {"_id": 3, "expires_at": ago(hours=1)}])
    await left(collection, 2)
    await collection.insert_one({"_id": 4, "expires_at": ago(hours=1)})
    await left(collection, 2)
    await expiry.stop()


async def test_sweeps_resume_after_an_outage_of_the_store(
    collection: Collection, expiry: Expiry, mortal: SecantusServer
) -> None:
    mortal.kill()
    mortal.start()
    await collection.find_one()  # a read is retried on a new connection, a write would not be
    await collection.insert_one({"_id": 1, "expires_at": ago(days=1)})
    await left(collection)
