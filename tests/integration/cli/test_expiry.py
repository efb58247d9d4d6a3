"""What has expired goes from the embedded store, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from tests.support.eventually import eventually

from flowport.servers.expiry import AT_ONCE, Expiry
from flowport.servers.secantus import SecantusServer

OFTEN = 0.05
Document = dict[str, Any]


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


@pytest.fixture
def kept(secantus_of_my_own: SecantusServer) -> Iterator[Collection[Document]]:
    with MongoClient[Document](secantus_of_my_own.uri) as client:
        collection = client["test"]["kept"]
        collection.create_index("expires_at", expireAfterSeconds=0)
        yield collection


@pytest.fixture
def expiry(secantus_of_my_own: SecantusServer) -> Iterator[Expiry]:
    expiry = Expiry(secantus_of_my_own.uri, every=OFTEN)
    yield expiry
    expiry.stop()


def ids(collection: Collection[Document]) -> list[Any]:
    return sorted(each["_id"] for each in collection.find())


async def test_what_has_expired_goes_and_what_has_not_stays(kept: Collection[Document], expiry: Expiry) -> None:
    kept.insert_many({"_id": number, "expires_at": ago(days=number)} for number in range(1, 3 * AT_ONCE))
    kept.insert_many([{"_id": 100, "expires_at": ago(hours=-1)}, {"_id": 101}, {"_id": 102, "expires_at": None}])
    expiry.start()
    await eventually(lambda: ids(kept) == [100, 101, 102])


async def test_it_goes_when_its_time_comes_or_if_it_came_late(kept: Collection[Document], expiry: Expiry) -> None:
    kept.insert_one({"_id": 1, "expires_at": ago(days=1)})
    expiry.start()
    await eventually(lambda: ids(kept) == [])
    kept.insert_many({"_id": number, "expires_at": ago(seconds=-number / 100)} for number in range(1, 3 * AT_ONCE))
    kept.insert_one({"_id": 0, "expires_at": ago(days=1)})
    await eventually(lambda: ids(kept) == [])


async def test_a_lifetime_is_counted_from_the_date(kept: Collection[Document], expiry: Expiry) -> None:
    events = kept.database["events"]
    events.create_index("written_at", expireAfterSeconds=3600)
    events.insert_many([{"_id": 1, "written_at": ago(minutes=61)}, {"_id": 2, "written_at": ago(minutes=59)}])
    expiry.start()
    await eventually(lambda: ids(events) == [2])


async def test_a_store_that_was_away_is_swept_again(
    kept: Collection[Document], expiry: Expiry, secantus_of_my_own: SecantusServer
) -> None:
    expiry.start()
    secantus_of_my_own.kill()
    secantus_of_my_own.start()
    kept.create_index("expires_at", expireAfterSeconds=0)
    kept.insert_one({"_id": 1, "expires_at": ago(days=1)})
    await eventually(lambda: ids(kept) == [])
