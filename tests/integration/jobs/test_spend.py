"""Spend is booked once for each run, whoever dies in the middle of it and whoever does it at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, cast

import msgspec
import pytest
from pymongo.errors import AutoReconnect
from tests.integration.jobs.faults import When
from tests.integration.jobs.system import quick_settings
from tests.support.eventually import until

from jobs_service.adapters.mongo_spend import NOTE, SPEND, MongoSpendBook
from jobs_service.adapters.run_documents import RUNS
from jobs_service.bootstrap import open_store
from shared.contracts.runs import Usage
from shared.errors import Unavailable
from shared.store.client import Store
from shared.store.documents import Collection

NOVEMBER_MS = 1_795_564_800_000
WRITES = 5
"""The note, the sums of two workspaces, the runs' marks, the note again."""


class DisturbedStore(Store):
    """Something happens to the process that uses it, at its write number `at`: before that is done, or after."""

    def __init__(self, store: Store, *, at: int, when: When, what: Callable[[], Awaitable[object]]) -> None:
        self._store = store
        self._at = at
        self._when = when
        self._what = what
        self._writes = 0

    def collection(self, name: str) -> Collection:
        """See Store."""
        return cast("Collection", _DisturbedCollection(self, self._store.collection(name)))

    async def write(self, method: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        """Do it, and be disturbed."""
        self._writes += 1
        disturbed = self._writes == self._at
        if disturbed and self._when == "before":
            await self._what()
        result = await method(*args, **options)
        if disturbed and self._when == "after":
            await self._what()
        return result


class _DisturbedCollection:
    def __init__(self, store: DisturbedStore, collection: Collection) -> None:
        self.find, self.find_one = collection.find, collection.find_one
        self.update_one = partial(store.write, collection.update_one)
        self.update_many = partial(store.write, collection.update_many)


async def die() -> None:
    """As far as the store is concerned."""
    raise AutoReconnect("the process died")


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Store]:
    """Ten runs of two workspaces that are not booked yet."""
    opened = open_store(quick_settings(mongodb_uri, mongodb_prefix))
    await opened.start()
    await spend(opened, *(f"run-{number}" for number in range(10)))
    yield opened
    await opened.stop()


async def spend(store: Store, *run_ids: str) -> None:
    """These runs end; every other one is the second workspace's."""
    usage = msgspec.json.encode(Usage(100, 10, 0.25))
    documents = [
        {
            "_id": run_id,
            "workspace_id": f"workspace-{number % 2}",
            "usage": usage,
            "ended_ms": NOVEMBER_MS,
            "uncharged": True,
        }
        for number, run_id in enumerate(run_ids)
    ]
    await store.collection(RUNS).insert_many(documents)


async def booked(store: Store) -> list[int]:
    """Input tokens of both workspaces."""
    book = MongoSpendBook(store)
    return [(await book.of_month(f"workspace-{number}", "2026-11")).input_tokens for number in (0, 1)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_whoever_comes_after_a_dead_process_finishes_what_it_began(store: Store, at: int, when: When) -> None:
    with pytest.raises(Unavailable):
        await MongoSpendBook(DisturbedStore(store, at=at, when=when, what=die)).collect(100)
    await spend(store, "later-0", "later-1")
    await MongoSpendBook(store).collect(100)

    assert await booked(store) == [600, 600]
    assert await MongoSpendBook(store).collect(100) == 0


async def test_processes_that_book_at_the_same_time_book_each_run_once(store: Store) -> None:
    await asyncio.gather(*(MongoSpendBook(store).collect(3) for _ in range(8)))
    while await MongoSpendBook(store).collect(3):
        pass

    assert await booked(store) == [500, 500]


async def test_a_process_that_was_overtaken_books_nothing_again(store: Store) -> None:
    thaw = asyncio.Event()
    frozen = DisturbedStore(store, at=2, when="before", what=thaw.wait)
    slow = asyncio.create_task(MongoSpendBook(frozen).collect(100))
    await until(lambda: store.collection(SPEND).find_one({"_id": NOTE}))
    await MongoSpendBook(store).collect(100)
    await spend(store, "later-0", "later-1")
    await MongoSpendBook(store).collect(100)
    thaw.set()
    await slow

    assert await booked(store) == [600, 600]
    assert await MongoSpendBook(store).collect(100) == 0
