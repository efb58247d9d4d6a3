"""Two processes accept at once, and one dies half way: nobody is told of a run that is not there, and none is lost."""

import asyncio
from collections.abc import AsyncIterator, Sized
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.jobs.conftest import Start
from tests.integration.jobs.faults import Faulty, When, failing
from tests.integration.jobs.system import a_spec, quick_settings
from tests.support.eventually import until

from jobs_service.adapters.books import Books
from jobs_service.adapters.mongo_queue import MongoQueue
from jobs_service.bootstrap import open_store
from jobs_service.domain.capacity import QueueLimits
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import RunIdTaken, Unavailable
from shared.store.documents import Collection

AGED = {
    "$arrayToObject": {
        "$map": {
            "input": {"$objectToArray": {"$ifNull": ["$offers", {}]}},
            "in": {"k": "$$this.k", "v": {"$mergeObjects": ["$$this.v", {"at_ms": 0}]}},
        }
    }
}


class SlowToDelete:
    """A collection whose documents take a while to go."""

    SECONDS = 0.4

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def delete_many(self, *args: Any, **options: Any) -> Any:
        await asyncio.sleep(self.SECONDS)
        return await self._collection.delete_many(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)


@dataclass
class Another:
    """The queue of another process, and its books, which can be told to fail."""

    queue: MongoQueue
    books: Faulty

    async def dies_before_it_confirms(self, *run_ids: str) -> None:
        """It leaves a batch whose offer has no end."""
        self.books.fail("confirm", "before")
        with pytest.raises(Unavailable):
            await self.queue.accept([AcceptRun(a_spec(run_id), 100) for run_id in run_ids], QueueLimits(10, 10))


@pytest.fixture
async def another(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Another]:
    store = open_store(quick_settings(mongodb_uri, mongodb_prefix))
    books = Faulty(Books(store))
    yield Another(MongoQueue(store, books), books)  # type: ignore[arg-type]
    await store.stop()


@pytest.mark.parametrize("step", ["offer", "take", "insert", "confirm"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_batch_that_died_half_way_is_all_or_nothing(
    start: Start, another: Another, monkeypatch: pytest.MonkeyPatch, step: str, when: When
) -> None:
    queue, books = another.queue, another.books
    intake = queue._intake
    if step == "insert":
        monkeypatch.setattr(intake, "_insert", failing(intake._insert, when))
    else:
        books.fail(step, when)

    async with start(dispatch_window=1) as system:
        with pytest.raises(Unavailable):
            await queue.accept([AcceptRun(a_spec(f"run-{n}"), 100) for n in range(3)], QueueLimits(10, 10))
        await system.collection("queues").update_one({"_id": "*"}, [{"$set": {"offers": AGED}}])

        async def settled() -> bool:
            overall = await system.collection("queues").find_one({"_id": "*"}) or {}
            stored = await system.stored(status="queued")
            return not overall.get("offers") and stored == await system.queued() == await system.queued("*")

        await until(settled)
        assert await system.stored() in (0, 1, 3), "one may have been published already"


async def test_a_batch_that_died_takes_nobody_elses_run_with_it(start: Start, another: Another) -> None:
    async with start(dispatch_window=1) as system:
        first = await system.gateway.accept(a_spec("first"))
        accepted = await system.gateway.accept(a_spec("mine"))
        await another.dies_before_it_confirms("mine", "other")
        await system.collection("queues").update_one({"_id": "*"}, [{"$set": {"offers": AGED}}])

        async def is_withdrawn() -> bool:
            return await system.stored(_id="other") == 0

        await until(is_withdrawn)
        assert (await system.gateway.job(accepted.job_id)).run_id == "mine"
        assert await system.stored() == len([first, accepted])


async def test_nobody_is_told_that_a_run_is_there_which_may_still_be_withdrawn(start: Start, another: Another) -> None:
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("first"))
        await another.dies_before_it_confirms("mine")

        with pytest.raises(Unavailable):
            await system.gateway.accept(a_spec("mine"))
        await system.collection("queues").update_one({"_id": "*"}, [{"$set": {"offers": AGED}}])

        async def is_withdrawn() -> bool:
            return await system.stored(_id="mine") == 0

        await until(is_withdrawn)
        accepted = await system.gateway.accept(a_spec("mine"))
        assert (await system.gateway.job(accepted.job_id)).run_id == "mine"

        async def are_right() -> bool:
            return await system.queued() == await system.queued("*") == 2

        await until(are_right)


async def test_nor_is_anybody_in_the_moment_in_which_it_is_withdrawn(
    start: Start, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = another.queue
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("first"))
        await another.dies_before_it_confirms("mine")
        (offer,) = (await another.books.of(())).offers
        monkeypatch.setattr(queue, "_runs", SlowToDelete(queue._runs))
        withdrawing = asyncio.create_task(queue.withdraw(offer))
        await asyncio.sleep(SlowToDelete.SECONDS / 2)

        (told,) = await asyncio.gather(system.gateway.accept(a_spec("mine")), return_exceptions=True)
        await withdrawing
        assert isinstance(told, RunAccepted | Unavailable)
        assert await system.stored(_id="mine") == isinstance(told, RunAccepted)


async def test_nor_is_a_run_accepted_that_is_not_there_when_its_namesake_goes(
    start: Start, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, of = another.queue, another.books.of
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("first"))
        await another.dies_before_it_confirms("mine")
        (dead,) = (await of(())).offers

        async def of_after_the_withdrawal(workspace_ids: Sized) -> Any:
            if not workspace_ids:
                await queue.withdraw(dead)
            return await of(workspace_ids)

        monkeypatch.setattr(another.books, "of", of_after_the_withdrawal)
        (told,) = await queue.accept([AcceptRun(a_spec("mine"), 100)], QueueLimits(10, 10))
        assert await system.stored(_id="mine") == isinstance(told, RunAccepted)
        assert isinstance(told, RunAccepted | Unavailable)


async def test_an_id_that_another_process_is_just_giving_away_is_taken(
    start: Start, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm, decided = another.books.confirm, asyncio.Event()

    async def hesitate(*args: Any, **kwargs: Any) -> Any:
        await decided.wait()
        return await confirm(*args, **kwargs)

    monkeypatch.setattr(another.books, "confirm", hesitate)
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("before it"))
        first = asyncio.create_task(another.queue.accept([AcceptRun(a_spec("mine"), 100)], QueueLimits(10, 10)))

        async def is_stored() -> bool:
            return await system.stored(_id="mine") == 1

        await until(is_stored)
        second = asyncio.create_task(system.gateway.accept(a_spec("mine")))
        await asyncio.wait([second], timeout=0.3)
        decided.set()
        with pytest.raises(RunIdTaken):
            await second
        assert [type(answer) for answer in await first] == [RunAccepted]
