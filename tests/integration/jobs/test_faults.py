"""Whatever fails between two steps, an accepted run ends once, and the counters are right."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.faults import DeafBroker, Faulty, When
from tests.support.jobs.system import System, a_spec, an_outcome, quick_settings

from jobs_service import leadership as loops
from jobs_service.bootstrap import open_store
from jobs_service.queue.counters import CapacityCounters
from jobs_service.queue.repository import MongoQueue
from jobs_service.runs.repository import MongoRuns
from shared.broker.connect import open_broker
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, FlowportError, RunIdTaken, Unavailable


@dataclass
class Parts:
    """The two parts whose failures matter most."""

    runs: Faulty
    queue: Faulty


@pytest.fixture
async def parts(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Parts]:
    settings = quick_settings(mongodb_uri, mongodb_prefix)
    store = open_store(settings)
    counters = CapacityCounters(store)
    yield Parts(Faulty(MongoRuns(store, settings.rules)), Faulty(MongoQueue(store, counters)))
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


async def test_a_run_is_dispatched_after_its_dispatcher_died(
    start: Start, mongodb_uri: str, mongodb_prefix: str
) -> None:
    deaf = DeafBroker(open_broker(quick_settings(mongodb_uri, mongodb_prefix).amqp_url, service="test"))
    async with start(broker=deaf) as first:
        accepted = await first.gateway.accept()
        await until(lambda: _is_in_phase(first, "dispatched"))

    async with start() as second:
        await second.executor.listen()
        assert (await second.executor.begin()).run.run_id == accepted.run_id


async def test_runs_wait_while_the_broker_is_unavailable(start: Start, mongodb_uri: str, mongodb_prefix: str) -> None:
    deaf = DeafBroker(open_broker(quick_settings(mongodb_uri, mongodb_prefix).amqp_url, service="test"))
    # A dispatcher that lost the lead on a busy machine would leave them to the next, which waits for a minute.
    async with start(broker=deaf, dispatch_unclaimed_seconds=60, leader_lease_seconds=60) as system:
        await system.executor.listen()
        accepted = await system.gateway.accept()
        await until(lambda: _is_in_phase(system, "dispatched"))

        deaf.is_deaf = False
        assert (await system.executor.begin()).run.run_id == accepted.run_id


async def test_runs_of_a_round_with_an_unconfirmed_commit_are_published_later(fragile: System, parts: Parts) -> None:
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


async def test_an_accept_that_failed_left_nothing(fragile: System, parts: Parts) -> None:
    parts.queue.fail("accept", "before")
    with pytest.raises(Unavailable):
        await fragile.gateway.accept(a_spec("mine"))

    assert await fragile.stored() == 0
    await fragile.gateway.accept(a_spec("mine"))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_failed_claim_can_be_repeated(fragile: System, parts: Parts, when: When) -> None:
    await fragile.gateway.accept()
    message = await fragile.executor.next()
    parts.runs.fail("replace", when)
    with pytest.raises(Unavailable):
        await fragile.executor.claim(message, claim_id="one delivery")

    granted = await fragile.executor.claim(message, claim_id="one delivery")
    assert granted is not None
    assert granted.attempt == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_failed_report_can_be_repeated(fragile: System, parts: Parts, when: When) -> None:
    accepted = await fragile.gateway.accept()
    await fragile.executor.begin()
    large = an_outcome(output=b'"' + b"x" * 2_000_000 + b'"')
    parts.runs.fail("replace", when)
    with pytest.raises(Unavailable):
        await fragile.executor.finish(accepted.run_id, 1, large)

    await fragile.executor.finish(accepted.run_id, 1, large)
    assert (await fragile.gateway.run(accepted.run_id)).status is RunStatus.COMPLETED


async def test_a_release_whose_response_was_lost_can_be_repeated(fragile: System, parts: Parts) -> None:
    accepted = await fragile.gateway.accept()
    await fragile.executor.begin()
    parts.runs.fail("replace", "after")
    with pytest.raises(Unavailable):
        await fragile.executor.release(accepted.run_id, 1)

    with suppress(FlowportError):  # another worker may have it already
        await fragile.executor.release(accepted.run_id, 1)
    assert (await fragile.executor.begin()).attempt == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_failed_cancel_of_a_waiting_run_keeps_the_counters_right(
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


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.full) for seed in (2, 3))])
async def test_every_accepted_run_ends_once_though_everything_fails_now_and_then(
    start: Start, mongodb_uri: str, mongodb_prefix: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(loops, "FAILURE_SECONDS", 0.02)
    settings = quick_settings(mongodb_uri, mongodb_prefix)
    store = open_store(settings)
    counters = CapacityCounters(store)
    parts = Parts(
        Faulty(MongoRuns(store, settings.rules), rate=0.1, seed=seed),
        Faulty(MongoQueue(store, counters), rate=0.1, seed=seed),
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
