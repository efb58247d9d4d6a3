"""Spend is booked once for each run, despite dying and concurrent processes.

Durable runs are booked by their marks, attached ones by the charge that was stored before them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, cast

import msgspec
import pytest
from pymongo.errors import AutoReconnect
from tests.support.eventually import until
from tests.support.jobs.faults import When
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome, asks, quick_settings

from jobs_service.bootstrap import open_store
from jobs_service.deletion import MongoDeletion
from jobs_service.payloads import MongoBlobs
from jobs_service.records import MongoRecords, RecordedRun
from jobs_service.runs.documents import CHARGE, RUNS, UNCHARGED, RunResult
from jobs_service.spend import CHARGES, LOST_MS, NOTE, SPEND, MongoCharges, MongoSpend
from shared.contracts.erasure import Erase
from shared.contracts.messages import RunRecorded
from shared.contracts.runs import RunMode, Usage
from shared.errors import Unavailable
from shared.store.client import Collection, Store

USUAL = Usage(100, 10, 0.25)
NOVEMBER_MS = 1_795_564_800_000
WRITES = 5
"""Writes in order: the note, the sums of two workspaces, the runs' marks or their charges, the note again."""

Kind = Literal["marked", "charged"]


class DisturbedStore(Store):
    """Disturbs the process that uses it, at its write number `at`: before that is done, or after."""

    def __init__(self, store: Store, *, at: int, when: When, what: Callable[[], Awaitable[object]]) -> None:
        self._store = store
        self._at = at
        self._when = when
        self._what = what
        self._writes = 0

        self.database = store.database

    def collection(self, name: str) -> Collection:
        return cast("Collection", _DisturbedCollection(self, self._store.collection(name)))

    async def write(self, method: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        """Execute the write, with the disturbance."""
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
        self.aggregate = collection.aggregate
        self.insert_one = partial(store.write, collection.insert_one)
        self.insert_many = partial(store.write, collection.insert_many)
        self.delete_many = partial(store.write, collection.delete_many)
        self.update_one = partial(store.write, collection.update_one)
        self.update_many = partial(store.write, collection.update_many)
        self.bulk_write = partial(store.write, collection.bulk_write)


async def die() -> None:
    """Fail as far as the store is concerned."""
    raise AutoReconnect("the process died")


@pytest.fixture(params=["marked", "charged"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """How unbooked runs are identified: by their own marks, or by a charge."""
    return cast("Kind", request.param)


@pytest.fixture
async def empty(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Store]:
    """A store without runs."""
    opened = open_store(quick_settings(mongodb_uri, mongodb_prefix))
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
async def store(empty: Store, kind: Kind) -> Store:
    """A store with ten runs of two workspaces that are not booked yet."""
    await spend(empty, kind, *(f"run-{number}" for number in range(10)))
    return empty


async def spend(store: Store, kind: Kind, *run_ids: str) -> None:
    """End these runs; every other one is the second workspace's."""
    if kind == "marked":
        await end(store, *run_ids, known_by={UNCHARGED: True})
    else:
        await end(store, *run_ids, known_by={CHARGE: await charge(store, *run_ids)})


async def charge(store: Store, *run_ids: str) -> str:
    """Open a charge for runs that are about to be stored; return its id."""
    return await MongoCharges(store).open(run_ids, datetime.now(UTC))


async def end(store: Store, *run_ids: str, known_by: dict[str, Any], usage: Usage = USUAL) -> None:
    """Store them."""
    documents = [
        {
            "_id": run_id,
            "workspace_id": f"workspace-{number % 2}",
            "phase": "completed",
            "usage": msgspec.json.encode(usage),
            "ended_ms": NOVEMBER_MS,
            **known_by,
        }
        for number, run_id in enumerate(run_ids)
    ]
    await store.collection(RUNS).insert_many(documents)


async def booked(store: Store) -> list[int]:
    """Return the input tokens of both workspaces."""
    book = MongoSpend(store)
    return [(await book.of_month(f"workspace-{number}", "2026-11")).input_tokens for number in (0, 1)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_dead_process_is_completed_by_the_next(store: Store, kind: Kind, at: int, when: When) -> None:
    with pytest.raises(Unavailable):
        await MongoSpend(DisturbedStore(store, at=at, when=when, what=die)).collect(100)
    await spend(store, kind, "later-0", "later-1")
    await MongoSpend(store).collect(100)

    assert await booked(store) == [600, 600]
    assert await MongoSpend(store).collect(100) == 0


async def test_processes_that_book_at_the_same_time_book_each_run_once(store: Store) -> None:
    await asyncio.gather(*(MongoSpend(store).collect(3) for _ in range(8)))
    while await MongoSpend(store).collect(3):
        pass

    assert await booked(store) == [500, 500]


async def test_a_process_that_was_overtaken_books_nothing_again(store: Store, kind: Kind) -> None:
    thaw = asyncio.Event()
    frozen = DisturbedStore(store, at=2, when="before", what=thaw.wait)
    slow = asyncio.create_task(MongoSpend(frozen).collect(100))
    await until(lambda: store.collection(SPEND).find_one({"_id": NOTE}))
    await MongoSpend(store).collect(100)
    await spend(store, kind, "later-0", "later-1")
    await MongoSpend(store).collect(100)
    thaw.set()
    await slow

    assert await booked(store) == [600, 600]
    assert await MongoSpend(store).collect(100) == 0


@pytest.mark.parametrize("books_it_while_it_waits", [True, False])
async def test_spend_before_a_pause_is_booked_once(system: System, books_it_while_it_waits: bool) -> None:
    """The report at the end covers all spend, not only that after the pause."""
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.pause(accepted.run_id, 1, asks(), usage=USUAL)
    if books_it_while_it_waits:
        await until(lambda: is_booked(system, tokens=100))
    await system.gateway.resume(accepted.run_id)
    await system.executor.begin()
    await system.executor.finish(accepted.run_id, 2, usage=Usage(300, 30, 0.75))
    await until(lambda: is_booked(system, tokens=300))


async def test_spend_of_a_run_cancelled_during_its_pause_is_booked(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.pause(accepted.run_id, 1, asks(), usage=USUAL)
    await system.gateway.cancel(accepted.run_id)
    await until(lambda: is_booked(system, tokens=100))


async def is_booked(system: System, tokens: int) -> bool:
    """Return whether every run is booked, with this total of input tokens."""
    book, month = MongoSpend(system.store), f"{datetime.now(UTC):%Y-%m}"
    while await book.collect(100):
        pass
    is_done = not await system.stored(**{UNCHARGED: True})
    return is_done and (await book.of_month(WORKSPACE, month)).input_tokens == tokens


async def pauses(store: Store, run_id: str, **fields: Any) -> None:
    """Create a paused run of the first workspace with some spend."""
    known = {"phase": "paused", "created_ms": NOVEMBER_MS, UNCHARGED: True, "usage": msgspec.json.encode(USUAL)}
    await store.collection(RUNS).insert_one({"_id": run_id, "workspace_id": "workspace-0", **known, **fields})


async def goes_on(store: Store, run_id: str, *, until_it: str = "completed") -> None:
    """End the run, or pause it again, with three times the spend."""
    usage = msgspec.json.encode(Usage(300, 30, 0.75))
    reported = {"phase": until_it, "ended_ms": NOVEMBER_MS, UNCHARGED: True, "usage": usage}
    await store.collection(RUNS).update_one({"_id": run_id}, {"$set": reported})


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 5))
async def test_a_run_that_ends_while_its_pause_is_booked_is_booked_once(empty: Store, at: int, when: When) -> None:
    """Return the writes: the note, the sum, the run, the note again."""
    await pauses(empty, "run-0")
    what = partial(goes_on, empty, "run-0")
    await MongoSpend(DisturbedStore(empty, at=at, when=when, what=what)).collect(100)
    await MongoSpend(empty).collect(100)
    assert await booked(empty) == [300, 0]
    assert await MongoSpend(empty).collect(100) == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 5))
async def test_spend_of_a_paused_run_is_booked_once_despite_dying_processes(empty: Store, at: int, when: When) -> None:
    await pauses(empty, "run-0")
    with pytest.raises(Unavailable):
        await MongoSpend(DisturbedStore(empty, at=at, when=when, what=die)).collect(100)
    await goes_on(empty, "run-0")
    while await MongoSpend(empty).collect(100):
        pass
    assert await booked(empty) == [300, 0]


async def test_an_overtaken_process_does_not_change_a_continued_run(empty: Store) -> None:
    await pauses(empty, "run-0")
    thaw = asyncio.Event()
    frozen = DisturbedStore(empty, at=3, when="before", what=thaw.wait)
    slow = asyncio.create_task(MongoSpend(frozen).collect(100))
    await until(lambda: empty.collection(SPEND).find_one({"_id": NOTE}))
    await MongoSpend(empty).collect(100)
    await goes_on(empty, "run-0", until_it="paused")
    await MongoSpend(empty).collect(100)
    thaw.set()
    await slow
    await goes_on(empty, "run-0")
    await MongoSpend(empty).collect(100)
    assert await booked(empty) == [300, 0]


@pytest.mark.parametrize("absurd", [2**70, -(2**70)])
async def test_a_run_that_reports_impossible_usage_blocks_no_other(store: Store, absurd: int) -> None:
    await end(store, "absurd", known_by={UNCHARGED: True}, usage=Usage(absurd, absurd, 0.25))
    while await MongoSpend(store).collect(100):
        pass
    of_it, of_others = await booked(store)
    assert of_others == 500
    assert 500 <= of_it < 2**63


async def test_the_spend_of_a_month_can_have_any_size(empty: Store) -> None:
    """The driver returns numbers from 2,147,483,648 on in a separate type that JSON lacks."""
    large = Usage(3_000_000_000, 5_000_000_000, 9_000.5)
    await end(empty, "large", known_by={UNCHARGED: True}, usage=large)
    await MongoSpend(empty).collect(100)
    encoded = msgspec.json.encode(await MongoSpend(empty).of_month("workspace-0", "2026-11"))
    assert msgspec.json.decode(encoded, type=Usage) == large


async def test_a_charge_waits_for_its_runs(empty: Store) -> None:
    charge_id = await charge(empty, "run-0", "run-1")
    await end(empty, "run-0", known_by={CHARGE: charge_id})
    assert await MongoSpend(empty).collect(100) == 0

    await end(empty, "run-1", known_by={CHARGE: charge_id})
    assert await MongoSpend(empty).collect(100) == 2
    assert await booked(empty) == [200, 0]


async def test_a_run_whose_record_is_resent_is_booked_by_one_charge(empty: Store) -> None:
    first = await charge(empty, "run-0")
    await charge(empty, "run-0")
    await end(empty, "run-0", known_by={CHARGE: first})
    await MongoSpend(empty).collect(100)
    await charge(empty, "run-0")
    await MongoSpend(empty).collect(100)

    assert await booked(empty) == [100, 0]
    assert await empty.collection(CHARGES).find().to_list() == []


async def test_spend_stored_by_a_dead_process_is_booked_without_the_rest(empty: Store) -> None:
    charge_id = await charge(empty, "run-0", "lost")
    await end(empty, "run-0", known_by={CHARGE: charge_id})
    assert await MongoSpend(empty).collect(100) == 0

    await empty.collection(CHARGES).update_one({"_id": charge_id}, {"$inc": {"at_ms": -LOST_MS - 1}})
    await MongoSpend(empty).collect(100)
    assert await booked(empty) == [100, 0]
    assert await empty.collection(CHARGES).find().to_list() == []


async def test_a_waiting_charge_does_not_delay_others(empty: Store) -> None:
    await charge(empty, *(f"lost-{number}" for number in range(5)))
    await spend(empty, "charged", "run-0", "run-1")
    assert await MongoSpend(empty).collect(3) == 2
    assert await booked(empty) == [100, 100]


async def test_a_run_that_became_durable_does_not_delay_bookings(empty: Store) -> None:
    charge_id = await charge(empty, "run-0", "paused")
    await end(empty, "run-0", known_by={CHARGE: charge_id})
    await empty.collection(RUNS).insert_one({"_id": "paused", "workspace_id": "workspace-1", "phase": "paused"})
    assert await MongoSpend(empty).collect(100) == 1
    assert await booked(empty) == [100, 0]


async def test_charges_of_a_batch_that_an_earlier_version_finished_are_not_booked_again(empty: Store) -> None:
    await spend(empty, "charged", "run-0")
    with pytest.raises(Unavailable):
        await MongoSpend(DisturbedStore(empty, at=3, when="before", what=die)).collect(100)
    await empty.collection(SPEND).update_one({"_id": NOTE}, {"$unset": {"run_ids": 1, "sums": 1}})

    assert await MongoSpend(empty).collect(100) == 0
    assert await booked(empty) == [100, 0]


async def test_many_small_charges_are_booked_a_bounded_number_at_a_time(empty: Store) -> None:
    for number in range(7):
        await spend(empty, "charged", f"run-{number}")
    assert [await MongoSpend(empty).collect(3) for _ in range(4)] == [3, 3, 1, 0]
    assert await booked(empty) == [700, 0]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_record_resent_after_its_writer_died_is_booked_once(empty: Store, at: int, when: When) -> None:
    rules = quick_settings("mongodb://unused", "unused").rules
    record = RunRecorded(a_spec("run-0", mode=RunMode.SYNC), an_outcome(), usage=Usage(100, 10, 0.25))
    records = [RecordedRun(record, RunResult(duration_ms=1.0, usage=record.usage))]
    with pytest.raises(Unavailable):
        await MongoRecords(DisturbedStore(empty, at=at, when=when, what=die), rules).write(records)
    await MongoRecords(empty, rules).write(records)
    await MongoRecords(empty, rules).write(records)

    month = f"{record.outcome.ended_at:%Y-%m}"
    await MongoSpend(empty).collect(100)
    assert (await MongoSpend(empty).of_month(WORKSPACE, month)).input_tokens == 100
    assert await empty.collection(CHARGES).find().to_list() == []


async def test_a_run_is_not_erased_before_it_is_booked(empty: Store) -> None:
    await spend(empty, "charged", "run-0")
    erasure = MongoDeletion(empty, MongoBlobs(empty, max_bytes=1))
    assert (await erasure.erase(Erase("workspace-0"), 10)).has_more
    assert await empty.collection(RUNS).find_one({"_id": "run-0"}) is not None

    await MongoSpend(empty).collect(100)
    await erasure.erase(Erase("workspace-0"), 10)
    assert await empty.collection(RUNS).find_one({"_id": "run-0"}) is None
