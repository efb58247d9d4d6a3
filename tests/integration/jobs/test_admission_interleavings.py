"""Capacity is exact while processes are frozen between any two steps of admission, expiry and recount.

Two replicas accept, and leaders of two terms expire every reservation they see and recount, however early that is. The
test decides whose command is executed next. After each command: no queue holds more runs than its limit, and no counter
is lower than the length of its queue.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from tests.support.jobs.interleaving import Process, unfinished
from tests.support.jobs.system import a_spec

from jobs_service.queue.capacity import QueueLimits, Reservation
from jobs_service.queue.counters import CapacityCounters
from jobs_service.queue.repository import MongoQueue
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import FlowportError, OutcomeUncertain, Unavailable
from shared.store.client import Store

LIMITS = QueueLimits(per_workspace=3, overall=5)
LAST_TERM = 9
SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(6, 12))]
Run = tuple[str, str]


class Scene:
    """A queue, its processes, and the answers to its callers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.answers: list[tuple[Run, RunAccepted | FlowportError]] = []
        self.queues: list[MongoQueue] = []

    async def start(self) -> None:
        await self.store.collection("queues").delete_many({})
        await self.store.collection("runs").delete_many({})
        await CapacityCounters(self.store).start()
        await self.queue(self.store).accept(_requests([("a", "first")]), LIMITS)

    def queue(self, store: Any) -> MongoQueue:
        queue = MongoQueue(store, CapacityCounters(store))
        self.queues.append(queue)
        return queue

    def replica(self, *batches: Sequence[Run]) -> Process:
        """Return a process that accepts these batches."""
        process = Process(self.store)
        queue = self.queue(process)

        async def accept() -> None:
            for batch in batches:
                try:
                    answers = await queue.accept(_requests(batch), LIMITS)
                except Unavailable as error:
                    answers = [error for _ in batch]
                self.answers += zip(batch, answers, strict=True)

        process.run(accept())
        return process

    def leader(self, term: int, rounds: int = 2) -> Process:
        """Return a process that expires the reservations that it sees and recounts."""
        process = Process(self.store)
        queue = self.queue(process)

        async def repair() -> None:
            for _ in range(rounds):
                with suppress(Unavailable):  # a leader of a later term has closed the counters to this one
                    for reservation in (await queue.state()).reservations:
                        await queue.expire(reservation)
                    await queue.recount(term)

        process.run(repair())
        return process

    async def check(self) -> None:
        """Check the invariants."""
        queued = await self.queued()
        counters = await self.counters()
        for name, limit in {"a": 3, "b": 3, "c": 3, "*": 5}.items():
            assert queued[name] <= counters[name] <= limit, f"{name}: {queued} {counters}"

    async def check_end(self) -> None:
        """Check the final state: all processes have ended, a leader has recounted, and everything agrees, the answers
        too."""
        for queue in self.queues:
            await queue.end_reservations()
        leader = self.queue(self.store)
        for reservation in (await leader.state()).reservations:
            await leader.expire(reservation)
        await leader.recount(LAST_TERM)
        assert await self.counters() == await self.queued()
        stored = {each["_id"]: each for each in await self.store.collection("runs").find({}).to_list()}
        accepted = {answer.run_id: answer.job_id for _, answer in self.answers if isinstance(answer, RunAccepted)}
        assert len(accepted) == sum(isinstance(answer, RunAccepted) for _, answer in self.answers)
        assert {run_id: stored[run_id]["job_id"] for run_id in accepted} == accepted
        waiting = {run_id for run_id, run in stored.items() if run["phase"] == "waiting"}
        assert waiting == accepted.keys() | {"first"}, "no run is stored whose caller was told otherwise"
        assert not any(isinstance(answer, OutcomeUncertain) for _, answer in self.answers)

    async def queued(self) -> Mapping[str, int]:
        runs = await self.store.collection("runs").find({"phase": "waiting"}, {"workspace_id": 1}).to_list()
        found = Counter(each["workspace_id"] for each in runs)
        return +(found + Counter({"*": found.total()}))

    async def counters(self) -> Mapping[str, int]:
        return +Counter({each["_id"]: each["queued"] async for each in self.store.collection("queues").find({})})


class DisturbedCounters(CapacityCounters):
    """Executes `before_end` once, before a reservation ends."""

    before_end: Callable[[], Awaitable[object]] | None = None

    async def end(self, reservation: Reservation, unused: Mapping[str, int]) -> None:
        disturbance, self.before_end = self.before_end, None
        if disturbance is not None:
            await disturbance()
        await super().end(reservation, unused)


def _requests(batch: Sequence[Run]) -> list[AcceptRun]:
    return [AcceptRun(a_spec(run_id, workspace_id=name), 100) for name, run_id in batch]


async def test_capacity_is_exact_though_a_replica_is_frozen_before_any_of_its_commands(store: Store) -> None:
    frozen_before, is_over = 0, False
    while not is_over:
        scene = Scene(store)
        await scene.start()
        frozen = scene.replica([("a", "one"), ("b", "two"), ("a", "first")], [("c", "three")])
        for _ in range(frozen_before):
            await frozen.step()
        is_over = frozen.is_done

        await scene.leader(term=1).finish()
        await scene.check()
        await scene.replica([("a", "four"), ("b", "two"), ("a", "five"), ("b", "six"), ("c", "seven")]).finish()
        await scene.check()
        await scene.leader(term=1, rounds=1).finish()
        await scene.check()

        await frozen.finish()
        await scene.check()
        await scene.check_end()
        frozen_before += 1
    assert frozen_before > 6


async def test_reservations_of_a_frozen_replica_are_given_to_others(store: Store) -> None:
    scene = Scene(store)
    await scene.start()
    frozen = scene.replica([("a", "one"), ("a", "two")])
    while (await scene.counters())["a"] != 3:
        await frozen.step()

    await scene.leader(term=1).finish()
    await scene.replica([("a", "three"), ("a", "four")]).finish()
    await frozen.finish()

    accepted = {run_id for (_, run_id), answer in scene.answers if isinstance(answer, RunAccepted)}
    assert accepted == {"three", "four"}
    await scene.check_end()


async def test_a_batch_that_is_accepted_while_a_reservation_ends_has_its_reservation_ended_too(store: Store) -> None:
    scene = Scene(store)
    await scene.start()
    counters = DisturbedCounters(store)
    queue = MongoQueue(store, counters)
    await queue.accept(_requests([("a", "one")]), LIMITS)
    counters.before_end = lambda: queue.accept(_requests([("b", "two")]), LIMITS)

    await queue.end_reservations()
    assert [each.run_ids for each in (await queue.state()).reservations] == [{"a": ["first"]}]


async def test_a_run_that_was_withdrawn_can_be_requested_again(store: Store) -> None:
    scene = Scene(store)
    await scene.start()
    frozen = scene.replica([("a", "mine")])
    while (await scene.counters())["a"] != 2:
        await frozen.step()
    await scene.leader(term=1).finish()

    await scene.replica([("a", "mine")]).finish()
    await frozen.finish()

    assert [type(answer) for _, answer in scene.answers].count(RunAccepted) == 1
    await scene.check_end()


@pytest.mark.parametrize("seed", SEEDS)
async def test_capacity_is_exact_in_any_interleaving(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    scene = Scene(store)
    await scene.start()
    processes = [
        scene.replica([("a", "one"), ("a", "two"), ("b", "three")], [("a", "four"), ("c", "five")]),
        scene.replica([("b", "three"), ("a", "two"), ("b", "six")], [("c", "five"), ("a", "one"), ("b", "seven")]),
        scene.leader(term=1),
        scene.leader(term=2),
    ]
    frozen = chance.choice(processes)
    while left := unfinished(processes):
        await chance.choice([each for each in left if each is not frozen] or left).step()
        await scene.check()
        if chance.random() < 0.1:
            frozen = chance.choice(processes)
    await scene.check_end()
