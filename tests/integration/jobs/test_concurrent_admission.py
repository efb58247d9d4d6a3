"""Two processes accept concurrently, and one dies half way: no caller learns of a missing run, and no run is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.faults import Faulty, When, failing
from tests.support.jobs.system import WORKSPACE, System, a_spec, quick_settings

from jobs_service.bootstrap import open_store
from jobs_service.queue import backlog as reservation_watch
from jobs_service.queue.admission import MongoAdmission
from jobs_service.queue.capacity import QueueLimits
from jobs_service.queue.counters import NEVER_MS, CapacityCounters
from jobs_service.queue.repository import MongoQueue
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import OutcomeUncertain, RunIdTaken, Unavailable

LIMITS = QueueLimits(10, 10)
PREVIOUS = "an-offer"
"""A batch of the previous version of jobs-service."""
Expire = Callable[[], None]


@dataclass
class Another:
    """Return the queue of another process, whose parts can fail."""

    queue: MongoQueue
    admission: MongoAdmission
    counters: Faulty

    async def accept(self, *run_ids: str) -> list[object]:
        return list(await self.queue.accept([AcceptRun(a_spec(run_id), 100) for run_id in run_ids], LIMITS))


@pytest.fixture
async def another(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Another]:
    store = open_store(quick_settings(mongodb_uri, mongodb_prefix))
    counters = Faulty(CapacityCounters(store))
    queue = MongoQueue(store, counters)  # type: ignore[arg-type]
    yield Another(queue, queue._admission, counters)
    await store.stop()


@pytest.fixture
def expire(monkeypatch: pytest.MonkeyPatch) -> Expire:
    """Expires all open reservations."""
    return lambda: monkeypatch.setattr(reservation_watch, "EXPIRY_SECONDS", 0.0)


async def is_settled(system: System) -> bool:
    """Return whether no reservation is open, and the counters match the queue."""
    overall = await system.collection("queues").find_one({"_id": "*"}) or {}
    queued = await system.stored(phase={"$in": ["waiting", "dispatched"]})
    return not overall.get("offers") and queued == await system.queued() == await system.queued("*")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_batch_that_died_while_it_reserved_leaves_nothing(
    start: Start, another: Another, expire: Expire, when: When
) -> None:
    another.counters.fail("reserve", when)
    async with start(dispatch_window=1) as system:
        with pytest.raises(Unavailable) as failure:
            await another.accept("one", "two", "three")
        assert not isinstance(failure.value, OutcomeUncertain), "the caller may try again"

        expire()
        await until(lambda: is_settled(system))
        assert await system.queued() == 0


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 3)])
async def test_the_caller_of_a_batch_that_died_during_the_write_gets_an_uncertain_outcome(
    start: Start, another: Another, expire: Expire, monkeypatch: pytest.MonkeyPatch, when: When, stored: int
) -> None:
    monkeypatch.setattr(another.admission, "_insert", failing(another.admission._insert, when))
    async with start(dispatch_window=1) as system:
        answers = await another.accept("one", "two", "three")
        assert [type(answer) for answer in answers] == [OutcomeUncertain] * 3

        expire()
        await until(lambda: is_settled(system))
        assert await system.queued() == stored


async def test_the_gateway_learns_that_the_outcome_is_uncertain(
    start: Start, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(another.admission, "_insert", failing(another.admission._insert, "after"))
    async with start(queue=another.queue) as system:
        with pytest.raises(OutcomeUncertain):
            await system.gateway.accept(a_spec("mine"))
        assert (await system.gateway.run("mine")).run_id == "mine"


async def test_the_gateway_learns_that_a_run_was_not_stored(start: Start, another: Another) -> None:
    another.counters.fail("reserve", "before")
    async with start(queue=another.queue) as system:
        with pytest.raises(Unavailable) as failure:
            await system.gateway.accept(a_spec("mine"))
        assert type(failure.value) is Unavailable
        assert await system.stored() == 0


async def test_a_stored_run_is_accepted_even_if_its_process_died_before_the_response(
    start: Start, another: Another, expire: Expire
) -> None:
    async with start(dispatch_window=1) as system:
        await another.accept("mine")

        expire()
        await until(lambda: is_settled(system))
        assert (await system.gateway.run("mine")).run_id == "mine"
        with pytest.raises(RunIdTaken):
            await system.gateway.accept(a_spec("mine"))


async def test_a_run_whose_id_is_taken_takes_no_capacity(start: Start, another: Another) -> None:
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("mine"))
        answers = await another.accept("mine", "other")

        assert [type(answer) for answer in answers] == [RunIdTaken, RunAccepted]
        assert (await system.queued(), await system.queued("*")) == (2, 2)


async def test_a_run_that_was_withdrawn_can_be_requested_again(
    start: Start, another: Another, expire: Expire, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(another.admission, "_insert", failing(another.admission._insert, "before"))
        async with start(dispatch_window=1) as system:
            await another.accept("mine")
            expire()
            await until(lambda: is_settled(system))
    monkeypatch.undo()

    async with start(dispatch_window=1) as system:
        accepted = await system.gateway.accept(a_spec("mine"))
        assert (await system.gateway.job(accepted.job_id)).run_id == "mine"
        await until(lambda: is_settled(system))
        assert await system.queued() == 1


async def test_one_of_two_concurrent_acceptances_of_a_run_is_refused_as_taken(start: Start, another: Another) -> None:
    async with start(dispatch_window=1) as system:
        answers = await asyncio.gather(
            system.gateway.accept(a_spec("mine")), another.accept("mine"), return_exceptions=True
        )
        results = [answers[0], *(answers[1] if isinstance(answers[1], list) else [])]
        assert sorted(type(answer).__name__ for answer in results) == ["RunAccepted", "RunIdTaken"]
        assert await system.stored(_id="mine") == 1


async def test_no_caller_is_confirmed_a_run_that_may_still_be_withdrawn(
    start: Start, expire: Expire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica of the previous version died before it completed its reservation."""
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("first"))
        await leave_offer(system, "stored", "mine")

        with pytest.raises(Unavailable):
            await system.gateway.accept(a_spec("mine"))

        expire()
        await until(lambda: is_settled(system))
        assert await system.stored(_id="mine") == 0
        monkeypatch.undo()
        accepted = await system.gateway.accept(a_spec("mine"))
        assert (await system.gateway.job(accepted.job_id)).run_id == "mine"
        await until(lambda: is_settled(system))
        assert await system.queued() == 2


@pytest.mark.parametrize("step", ["offered", "taken", "stored"])
async def test_an_offer_of_the_previous_version_without_an_end_is_withdrawn(
    start: Start, expire: Expire, step: str
) -> None:
    async with start(dispatch_window=1) as system:
        await system.gateway.accept(a_spec("first"))
        await leave_offer(system, step, "one", "two")

        expire()
        await until(lambda: is_settled(system))
        assert await system.queued() == 1


async def test_the_previous_version_finds_a_reservation_as_an_offer_that_is_never_too_old(
    start: Start, another: Another
) -> None:
    async with start(dispatch_window=1) as system:
        another.counters.fail("reserve", "after")
        with pytest.raises(Unavailable):
            await another.accept("one", "two")

        overall = await system.collection("queues").find_one({"_id": "*"}) or {}
        (offer,) = overall["offers"].values()
        assert offer == {"at_ms": NEVER_MS, "places": {WORKSPACE: 2}, "runs": ["one", "two"]}


async def leave_offer(system: System, step: str, *run_ids: str) -> None:
    """Execute the previous version's steps up to this one, and stop there."""
    queues, runs, count = system.collection("queues"), system.collection("runs"), len(run_ids)
    offer = {"at_ms": 1_700_000_000_000, "places": {WORKSPACE: count}, "runs": list(run_ids)}
    await queues.update_one({"_id": "*"}, {"$inc": {"queued": count}, "$set": {f"offers.{PREVIOUS}": offer}})
    if step != "offered":
        await queues.update_one({"_id": WORKSPACE}, {"$inc": {"queued": count}})
    if step == "stored":
        template = await runs.find_one({"_id": "first"})
        assert template is not None
        # Last in the queue, so that none is dispatched.
        its_own = {"phase": "waiting", "status": "queued", "offer_id": PREVIOUS, "position": 2**62}
        for run_id in run_ids:
            await runs.insert_one(template | its_own | {"_id": run_id, "job_id": f"job-{run_id}"})
