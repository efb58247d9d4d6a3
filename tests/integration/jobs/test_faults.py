"""Whatever fails between two steps, an accepted run ends, once, and the books are right."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sized
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.jobs.conftest import Start
from tests.integration.jobs.faults import DeafBroker, Faulty, When, failing
from tests.integration.jobs.system import System, a_spec, an_outcome, quick_settings
from tests.support.eventually import until

from jobs_service.adapters.books import Books
from jobs_service.adapters.mongo_queue import MongoQueue
from jobs_service.adapters.mongo_runs import MongoRuns
from jobs_service.application import loops
from jobs_service.bootstrap import open_store
from jobs_service.domain.capacity import QueueLimits
from shared.broker.connect import open_broker
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, FlowportError, RunIdTaken, Unavailable
from shared.store.documents import Collection


@dataclass
class Parts:
    """The two parts whose failures matter most."""

    runs: Faulty
    queue: Faulty


@pytest.fixture
async def parts(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Parts]:
    settings = quick_settings(mongodb_uri, mongodb_prefix)
    store = open_store(settings)
    books = Books(store)
    yield Parts(Faulty(MongoRuns(store, settings.rules)), Faulty(MongoQueue(store, books)))
    await store.stop()


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


@pytest.fixture
async def fragile(start: Start, parts: Parts) -> AsyncIterator[System]:
    async with start(runs=parts.runs, queue=parts.queue) as system:
        await system.executor.listen()
        yield system


async def is_done(system: System, run_id: str) -> bool:
    return (await system.gateway.run(run_id)).status.is_terminal


async def books_are_empty(system: System) -> bool:
    return await system.queued() == 0 and await system.queued("*") == 0


async def test_a_dispatcher_that_died_before_it_could_publish_is_made_up_for(
    start: Start, mongodb_uri: str, mongodb_prefix: str
) -> None:
    deaf = DeafBroker(open_broker(quick_settings(mongodb_uri, mongodb_prefix).amqp_url, service="test"))
    async with start(broker=deaf) as first:
        accepted = await first.gateway.accept()
        await until(lambda: _is_in_phase(first, "dispatched"))

    async with start() as second:
        await second.executor.listen()
        assert (await second.executor.begin()).run.run_id == accepted.run_id


async def test_runs_wait_for_a_broker_that_is_away(start: Start, mongodb_uri: str, mongodb_prefix: str) -> None:
    deaf = DeafBroker(open_broker(quick_settings(mongodb_uri, mongodb_prefix).amqp_url, service="test"))
    # A dispatcher that lost its lead on a busy machine would leave them to the next, and that waits for a minute.
    async with start(broker=deaf, dispatch_unclaimed_seconds=60, leader_lease_seconds=60) as system:
        await system.executor.listen()
        accepted = await system.gateway.accept()
        await until(lambda: _is_in_phase(system, "dispatched"))

        deaf.is_deaf = False
        assert (await system.executor.begin()).run.run_id == accepted.run_id


async def test_a_round_whose_commit_nobody_heard_of_is_published_later(fragile: System, parts: Parts) -> None:
    parts.queue.fail("mark", "after")
    accepted = await fragile.gateway.accept()

    assert (await fragile.executor.begin()).run.run_id == accepted.run_id


async def test_an_accept_whose_answer_was_lost_still_runs(fragile: System, parts: Parts) -> None:
    parts.queue.fail("accept", "after")
    with pytest.raises(Unavailable):
        await fragile.gateway.accept(a_spec("mine"))

    with pytest.raises(RunIdTaken):
        await fragile.gateway.accept(a_spec("mine"))
    assert (await fragile.executor.begin()).run.run_id == "mine"


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
        await system.collection("queues").update_one({"_id": "*"}, [{"$set": {"offers": _aged}}])

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
        await system.collection("queues").update_one({"_id": "*"}, [{"$set": {"offers": _aged}}])

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
        await system.collection("queues").update_one({"_id": "*"}, [{"$set": {"offers": _aged}}])

        async def is_withdrawn() -> bool:
            return await system.stored(_id="mine") == 0

        await until(is_withdrawn)
        accepted = await system.gateway.accept(a_spec("mine"))
        assert (await system.gateway.job(accepted.job_id)).run_id == "mine"

        async def are_right() -> bool:
            return await system.queued() == await system.queued("*") == 2

        await until(are_right)


async def test_nor_in_the_moment_in_which_it_is_withdrawn(
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


async def test_an_accept_that_failed_left_nothing(fragile: System, parts: Parts) -> None:
    parts.queue.fail("accept", "before")
    with pytest.raises(Unavailable):
        await fragile.gateway.accept(a_spec("mine"))

    assert await fragile.stored() == 0
    await fragile.gateway.accept(a_spec("mine"))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_claim_that_failed_can_be_made_again(fragile: System, parts: Parts, when: When) -> None:
    await fragile.gateway.accept()
    message = await fragile.executor.next()
    parts.runs.fail("replace", when)
    with pytest.raises(Unavailable):
        await fragile.executor.claim(message, claim_id="one delivery")

    granted = await fragile.executor.claim(message, claim_id="one delivery")
    assert granted is not None
    assert granted.attempt == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_report_that_failed_can_be_made_again(fragile: System, parts: Parts, when: When) -> None:
    accepted = await fragile.gateway.accept()
    await fragile.executor.begin()
    large = an_outcome(output=b'"' + b"x" * 2_000_000 + b'"')
    parts.runs.fail("replace", when)
    with pytest.raises(Unavailable):
        await fragile.executor.finish(accepted.run_id, 1, large)

    await fragile.executor.finish(accepted.run_id, 1, large)
    assert (await fragile.gateway.run(accepted.run_id)).status is RunStatus.COMPLETED


async def test_a_hand_back_whose_answer_was_lost_can_be_made_again(fragile: System, parts: Parts) -> None:
    accepted = await fragile.gateway.accept()
    await fragile.executor.begin()
    parts.runs.fail("replace", "after")
    with pytest.raises(Unavailable):
        await fragile.executor.release(accepted.run_id, 1)

    with suppress(FlowportError):  # it may have gone to another worker already
        await fragile.executor.release(accepted.run_id, 1)
    assert (await fragile.executor.begin()).attempt == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_cancel_of_a_waiting_run_that_failed_keeps_the_books_right(
    start: Start, parts: Parts, when: When
) -> None:
    async with start(runs=parts.runs, queue=parts.queue, dispatch_window=1) as system:
        await system.executor.listen()
        first, second = await system.gateway.accept(), await system.gateway.accept()
        parts.runs.fail("replace", when)
        with pytest.raises(Unavailable):
            await system.gateway.cancel(second.run_id)
        await system.gateway.cancel(second.run_id)

        await system.executor.begin()
        await system.executor.finish(first.run_id, 1)
        await until(lambda: books_are_empty(system))
        assert (await system.gateway.run(second.run_id)).status is RunStatus.CANCELLED


async def test_a_reaper_that_failed_tries_again(start: Start, parts: Parts) -> None:
    async with start(runs=parts.runs, queue=parts.queue, lease_seconds=0.5) as system:
        await system.executor.listen()
        await system.gateway.accept()
        await system.executor.begin()
        parts.runs.fail("overdue", "after")

        assert (await system.executor.begin()).attempt == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_accepted_run_ends_once_though_everything_fails_now_and_then(
    start: Start, mongodb_uri: str, mongodb_prefix: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(loops, "FAILURE_SECONDS", 0.02)
    settings = quick_settings(mongodb_uri, mongodb_prefix)
    store = open_store(settings)
    books = Books(store)
    parts = Parts(
        Faulty(MongoRuns(store, settings.rules), rate=0.1, seed=seed),
        Faulty(MongoQueue(store, books), rate=0.1, seed=seed),
    )
    chance = random.Random(seed)
    async with start(runs=parts.runs, queue=parts.queue, lease_seconds=0.5, attempt_limit=50) as system:
        await system.executor.listen()
        workers = [asyncio.create_task(_unreliable_worker(system, f"worker-{n}", chance)) for n in range(4)]
        accepted: list[str] = []
        for n in range(20):
            with suppress(Unavailable):
                spec = a_spec(workspace_id=f"workspace-{n % 3}")
                accepted.append((await system.gateway.accept(spec)).run_id)
        for run_id in accepted[::5]:
            with suppress(Unavailable, Conflict):
                await system.gateway.cancel(run_id, workspace_id=await _workspace(system, run_id))

        async def all_done() -> bool:
            return await system.stored(status={"$in": ["queued", "processing"]}) == 0

        await until(all_done)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        parts.runs.heal()
        parts.queue.heal()
        await until(lambda: _all_books_are_empty(system))

        stored = await system.collection("runs").find({}).to_list()
        assert {each["_id"] for each in stored} >= set(accepted)
        assert Counter(each["status"] for each in stored)["completed"] >= len(stored) - 4
        assert all(each["attempt"] >= 1 or each["status"] == "cancelled" for each in stored)
    await store.stop()


_aged = {
    "$arrayToObject": {
        "$map": {
            "input": {"$objectToArray": {"$ifNull": ["$offers", {}]}},
            "in": {"k": "$$this.k", "v": {"$mergeObjects": ["$$this.v", {"at_ms": 0}]}},
        }
    }
}


async def _unreliable_worker(system: System, name: str, chance: random.Random) -> None:
    while True:
        try:
            message = await system.executor.next(30)
            granted = await system.executor.claim(message, worker=name)
            if granted is None or chance.random() < 0.15:
                continue
            if chance.random() < 0.15:
                await system.executor.release(granted.run.run_id, granted.attempt)
            else:
                await system.executor.finish(granted.run.run_id, granted.attempt)
        except FlowportError:
            continue


async def _workspace(system: System, run_id: str) -> str:
    found = await system.collection("runs").find_one({"_id": run_id})
    assert found is not None
    return str(found["workspace_id"])


async def _is_in_phase(system: System, phase: str) -> bool:
    return await system.stored(phase=phase) > 0


async def _all_books_are_empty(system: System) -> bool:
    return await system.collection("queues").count_documents({"queued": {"$ne": 0}}) == 0
