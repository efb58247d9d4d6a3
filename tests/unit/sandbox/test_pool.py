"""Places and kept processes, whatever happens at the same time: processes here are fakes."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor_service.sandbox import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.child import Child
from executor_service.sandbox.pool import Parking, Pool
from executor_service.sandbox.supply import REST_SECONDS, Supply


class FakeProcess:
    """`parked_for` is the scope whose context it holds."""

    def __init__(self, moods: random.Random) -> None:
        self._moods = moods
        self.usable = True
        self.is_fresh = True
        self.is_at_work = False
        self.owner: str | None = None
        self.parked_for: str | None = None

    def kill(self) -> None:
        self.usable = False

    async def renewed(self) -> bool:
        await asyncio.sleep(self._moods.choice([0, 0, 0.001]))
        self.is_fresh = self.usable and self._moods.random() < 0.9
        return self.is_fresh


class FakeSupply:
    layers = ()

    def __init__(self, moods: random.Random) -> None:
        self._moods = moods
        self.made: list[FakeProcess] = []

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        for process in self.made:
            process.kill()

    async def take(self) -> FakeProcess:
        await asyncio.sleep(self._moods.choice([0, 0, 0.001]))
        if self._moods.random() < 0.05:
            raise SandboxUnavailable("not now")
        self.made.append(FakeProcess(self._moods))
        return self.made[-1]

    @property
    def living(self) -> list[FakeProcess]:
        return [process for process in self.made if process.usable]


class Crowd:
    """Tasks that want processes, for several owners and scopes, and do to them what scripts do."""

    def __init__(self, pool: Pool, running: int, moods: random.Random) -> None:
        self._pool = pool
        self._running = running
        self._moods = moods
        self._at_work = 0

    async def member(self) -> None:
        owner, scope = self._moods.choice(["a", "a", "b", "c", ""]), self._moods.choice([None, None, "r1", "r2"])
        await asyncio.sleep(self._moods.random() * 0.01)
        with suppress(SandboxBusy, SandboxUnavailable):
            process = await self._taken(owner, scope)
            self._begin(process, owner)
            is_well = False
            try:
                await asyncio.sleep(self._moods.choice([0, 0, 0.001]))
                is_well = self._moods.random() < 0.9
            finally:
                self._end(process, is_well=is_well, scope=scope)

    async def _taken(self, owner: str, scope: str | None) -> FakeProcess:
        if scope and (parked := self._pool.unpark(Parking(owner, scope))):
            process = cast("FakeProcess", parked)
            assert process.parked_for == scope
            return process
        process = cast("FakeProcess", await self._pool.take(owner))
        assert process.is_fresh
        return process

    def _begin(self, process: FakeProcess, owner: str) -> None:
        assert not process.is_at_work
        assert process.owner in (None, owner)
        assert process.owner != "" or process.parked_for
        self._at_work += 1
        assert self._at_work <= self._running
        process.owner, process.is_at_work, process.is_fresh = owner, True, False

    def _end(self, process: FakeProcess, *, is_well: bool, scope: str | None) -> None:
        self._at_work -= 1
        process.is_at_work = False
        child, owner = cast("Child", process), process.owner or ""
        if not is_well:
            self._pool.discard(child)
        elif scope:
            process.parked_for = scope
            self._pool.park(Parking(owner, scope), child)
        else:
            self._pool.rest(owner, child)
        if self._moods.random() < 0.2:
            process.usable = False
        if self._moods.random() < 0.3:
            self._pool.forget(self._moods.choice(["r1", "r2"]))


def sizes(moods: random.Random) -> PoolSize:
    return PoolSize(
        running=moods.choice([1, 2, 3]),
        waiting=moods.choice([2, 50]),
        wait_seconds=30,
        kept_seconds=moods.choice([0.002, 30]),
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
async def test_every_place_is_free_again_and_nobody_is_forgotten(seed: int) -> None:
    moods = random.Random(seed)
    size, supply = sizes(moods), FakeSupply(moods)
    pool = Pool(cast("Supply", supply), size)
    await pool.start()
    crowd = Crowd(pool, size.running, moods)
    tasks = [asyncio.create_task(crowd.member()) for _ in range(30)]
    for task in tasks:
        if moods.random() < 0.3:
            asyncio.get_running_loop().call_later(moods.random() * 0.015, task.cancel)
    done, waiting = await asyncio.wait(tasks, timeout=20)
    assert not waiting
    assert [task.exception() for task in done if not task.cancelled() and task.exception()] == []
    await assert_all_places_are_free(pool, size.running)
    with suppress(SandboxUnavailable):
        used = await pool.take("a")
        used.is_fresh = False
        pool.rest("a", used)
        await asyncio.sleep(REST_SECONDS)  # it may be kept now, or on its way to a fresh context, or kept with one
    await pool.stop()
    assert supply.living == []
    await pool.start()
    await assert_all_places_are_free(pool, size.running)
    await pool.stop()


async def assert_all_places_are_free(pool: Pool, running: int) -> None:
    """As many can be at work at once as ever, and no more."""
    taken: list[Child] = []
    while len(taken) < running:
        with suppress(SandboxUnavailable):
            taken.append(await asyncio.wait_for(pool.take("somebody else"), 10))
    one_more = asyncio.create_task(pool.take("somebody else"))
    await asyncio.sleep(0.02)
    assert not one_more.done()
    one_more.cancel()
    for child in taken:
        pool.discard(child)


@asynccontextmanager
async def full_pool() -> AsyncIterator[tuple[Pool, Child]]:
    """One place, and who holds it."""
    moods = random.Random(1)
    pool = Pool(cast("Supply", FakeSupply(moods)), PoolSize(running=1, wait_seconds=30))
    await pool.start()
    yield pool, await pool.take("a")
    await pool.stop()


@pytest.mark.parametrize("waits", ["a", "b"])
async def test_a_wait_given_up_in_the_moment_of_its_grant_takes_nothing_away(waits: str) -> None:
    async with full_pool() as (pool, held):
        waiter = asyncio.create_task(pool.take(waits))
        await asyncio.sleep(0)
        pool.rest("a", held)
        waiter.cancel()
        await ended(waiter)
        pool.discard(await asyncio.wait_for(pool.take("c"), 10))


async def ended(task: "asyncio.Task[Any]") -> None:
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_came_first_is_served_first_whosever_the_process_was() -> None:
    async with full_pool() as (pool, held):
        served: list[str] = []

        async def wait(owner: str) -> None:
            child = await pool.take(owner)
            served.append(owner)
            pool.rest(owner, child)

        crowd: list[Coroutine[Any, Any, None]] = [wait(owner) for owner in "baab"]
        tasks = [asyncio.create_task(each) for each in crowd]
        await asyncio.sleep(0)
        pool.rest("a", held)
        await asyncio.gather(*tasks)
        assert "".join(served) == "baab"
