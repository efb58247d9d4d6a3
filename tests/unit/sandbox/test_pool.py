"""Slots and parked processes under concurrency; the processes are fakes."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.eventually import PATIENCE_SECONDS

from executor_service.sandbox import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.pool import Pool


class FakeProcess:
    def __init__(self) -> None:
        self.is_usable = True
        self.is_at_work = False
        self.owner: str | None = None

    def kill(self) -> None:
        self.is_usable = False


class Spawner:
    """Makes processes, slowly and sometimes not, as `moods` has it."""

    def __init__(self, moods: random.Random) -> None:
        self._moods = moods
        self.made: list[FakeProcess] = []

    async def spawn(self) -> FakeProcess:
        await asyncio.sleep(self._moods.choice([0, 0, 0.001]))
        if self.made and self._moods.random() < 0.05:
            raise SandboxUnavailable("not now")
        self.made.append(FakeProcess())
        return self.made[-1]

    @property
    def living(self) -> list[FakeProcess]:
        return [process for process in self.made if process.is_usable]


class Crowd:
    """Tasks that request processes, for several owners, and use them as scripts do."""

    def __init__(self, pool: Pool[FakeProcess], size: PoolSize, moods: random.Random) -> None:
        self._pool = pool
        self._size = size
        self._moods = moods
        self._assigned: Counter[str] = Counter()

    async def member(self) -> None:
        owner = self._moods.choice(["a", "a", "b", "c", ""])
        await asyncio.sleep(self._moods.random() * 0.01)
        with suppress(SandboxBusy, SandboxUnavailable):
            process = await self._pool.take(owner, workspace_of(owner))
            self._begin(process, owner)
            is_well = False
            try:
                await asyncio.sleep(self._moods.choice([0, 0, 0.001]))
                is_well = self._moods.random() < 0.9
            finally:
                self._end(process, is_well=is_well)

    def _begin(self, process: FakeProcess, owner: str) -> None:
        assert not process.is_at_work
        assert process.owner in (None, owner)
        assert process.owner != ""
        self._assigned[workspace_of(owner)] += 1
        assert self._assigned.total() <= self._size.running
        assert self._assigned[workspace_of(owner)] <= most(self._size)
        process.owner, process.is_at_work = owner, True

    def _end(self, process: FakeProcess, *, is_well: bool) -> None:
        owner = process.owner or ""
        self._assigned[workspace_of(owner)] -= 1
        process.is_at_work = False
        if is_well:
            self._pool.keep(process, owner, workspace_of(owner))
        else:
            self._pool.discard(process, workspace_of(owner))
        if self._moods.random() < 0.2:
            process.is_usable = False


def most(size: PoolSize) -> int:
    """Return how many processes one workspace may use."""
    if size.workspace_percent == 100:
        return size.running
    return max(1, min(size.running * size.workspace_percent // 100, size.running - 1))


def workspace_of(owner: str) -> str:
    """Return the workspace. Two owners share one, like two people with personal environment values."""
    return {"a": "w1", "b": "w1", "c": "w2"}.get(owner, "")


def sizes(moods: random.Random) -> PoolSize:
    return PoolSize(
        running=moods.choice([1, 2, 3, 8]),
        workspace_percent=moods.choice([50, 75, 100]),
        waiting=moods.choice([2, 50]),
        wait_seconds=30,
        kept_seconds=moods.choice([0.002, 30]),
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
async def test_every_slot_is_free_again_and_no_waiter_is_forgotten(seed: int) -> None:
    moods = random.Random(seed)
    size, spawner = sizes(moods), Spawner(moods)
    pool = Pool(spawner.spawn, size)
    await pool.start()
    crowd = Crowd(pool, size, moods)
    tasks = [asyncio.create_task(crowd.member()) for _ in range(30)]
    for task in tasks:
        if moods.random() < 0.3:
            asyncio.get_running_loop().call_later(moods.random() * 0.015, task.cancel)
    done, waiting = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
    assert not waiting
    assert [task.exception() for task in done if not task.cancelled() and task.exception()] == []
    await assert_all_places_are_free(pool, size.running)
    with suppress(SandboxUnavailable):
        pool.keep(await pool.take("a", "w1"), "a", "w1")
    await pool.stop()
    assert spawner.living == []
    with suppress(SandboxUnavailable):
        await pool.start()
        await assert_all_places_are_free(pool, size.running)
    await pool.stop()


async def assert_all_places_are_free(pool: Pool[FakeProcess], running: int) -> None:
    """Check that the pool still runs exactly as many concurrently."""
    taken: list[tuple[FakeProcess, str]] = []
    while len(taken) < running:
        workspace = f"another {len(taken)}"
        with suppress(SandboxUnavailable):
            taken.append((await asyncio.wait_for(pool.take("", workspace), PATIENCE_SECONDS), workspace))
    one_more = asyncio.create_task(pool.take("", "one more"))
    await asyncio.sleep(0.02)
    assert not one_more.done()
    one_more.cancel()
    for process, workspace in taken:
        pool.discard(process, workspace)


@asynccontextmanager
async def full_pool() -> AsyncIterator[tuple[Pool[FakeProcess], FakeProcess]]:
    """One slot and its owner."""
    pool = Pool(Spawner(Calm()).spawn, PoolSize(running=1, wait_seconds=30))
    await pool.start()
    yield pool, await pool.take("a", "w1")
    await pool.stop()


@pytest.mark.parametrize("waits", ["a", "b"])
async def test_a_wait_cancelled_during_its_grant_takes_nothing(waits: str) -> None:
    async with full_pool() as (pool, held):
        waiter = asyncio.create_task(pool.take(waits, workspace_of(waits)))
        await asyncio.sleep(0)
        pool.keep(held, "a", "w1")
        waiter.cancel()
        await ended(waiter)
        pool.discard(await asyncio.wait_for(pool.take("c", "w2"), PATIENCE_SECONDS), "w2")


async def ended(task: "asyncio.Task[Any]") -> None:
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_waiters_are_served_in_order_for_any_previous_owner_of_the_process() -> None:
    async with full_pool() as (pool, held):
        served: list[str] = []

        async def wait(owner: str) -> None:
            child = await pool.take(owner, "w1")
            served.append(owner)
            pool.keep(child, owner, "w1")

        crowd: list[Coroutine[Any, Any, None]] = [wait(owner) for owner in "baab"]
        tasks = [asyncio.create_task(each) for each in crowd]
        await asyncio.sleep(0)
        pool.keep(held, "a", "w1")
        await asyncio.gather(*tasks)
        assert "".join(served) == "baab"


class Calm(random.Random):
    """Moods in which nothing fails or takes time."""

    def random(self) -> float:
        return 0.5

    def choice(self, seq: Any) -> Any:
        return seq[0]


@asynccontextmanager
async def calm_pool(size: PoolSize) -> AsyncIterator[Pool[FakeProcess]]:
    pool = Pool(Spawner(Calm()).spawn, size)
    await pool.start()
    yield pool
    await pool.stop()


class Demand:
    """Scripts of one workspace that request a process each, and hold it until released."""

    def __init__(self, pool: Pool[FakeProcess], workspace: str) -> None:
        self._pool = pool
        self._workspace = workspace
        self.held: list[FakeProcess] = []
        self.busy = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def grow(self, count: int) -> None:
        self._tasks += [asyncio.create_task(self._want()) for _ in range(count)]
        await settled()

    async def _want(self) -> None:
        try:
            self.held.append(await self._pool.take(self._workspace, self._workspace))
        except SandboxBusy:
            self.busy += 1

    async def finish(self, count: int = 1, *, used: bool = True) -> None:
        for _ in range(count):
            child = self.held.pop()
            if used:
                self._pool.keep(child, self._workspace, self._workspace)
            else:
                self._pool.discard(child, self._workspace)
        await settled()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in self.held:
            self._pool.discard(child, self._workspace)


async def settled() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


@asynccontextmanager
async def demands(size: PoolSize, workspaces: str) -> AsyncIterator[list[Demand]]:
    async with calm_pool(size) as pool:
        made = [Demand(pool, workspace) for workspace in workspaces]
        yield made
        for demand in made:
            await demand.end()


SIXTEEN = PoolSize(running=16, wait_seconds=3600)


async def test_scripts_that_never_end_leave_a_process_to_each_of_some_newcomers() -> None:
    async with demands(SIXTEEN, "abcdef") as (a, *newcomers):
        await a.grow(40)
        assert len(a.held) == 12
        for newcomer in newcomers:
            await newcomer.grow(40)
        assert [len(newcomer.held) for newcomer in newcomers] == [1, 1, 1, 1, 0]


async def test_whose_processes_all_run_is_next_where_any_process_ends() -> None:
    async with demands(SIXTEEN, "abcdef") as (a, b, c, d, e, last):
        for demand in (a, b, c, d, e, last):
            await demand.grow(40)
        await a.finish()
        assert (len(a.held), len(last.held)) == (11, 1)


async def test_freed_processes_go_to_waiting_workspaces_in_turn() -> None:
    async with demands(SIXTEEN, "abc") as (a, b, c):
        await a.grow(40)
        await b.grow(40)
        await c.grow(40)
        assert [len(each.held) for each in (a, b, c)] == [12, 1, 1]
        await a.finish(8)
        assert [len(each.held) for each in (a, b, c)] == [6, 3, 3]


async def test_a_single_workspace_has_its_quota_repeatedly() -> None:
    async with demands(SIXTEEN, "a") as (a,):
        await a.grow(40)
        for finished in (12, 12, 4):
            await a.finish(finished)
            assert len(a.held) == 12


@pytest.mark.parametrize(
    ("running", "percent", "most"), [(1, 75, 1), (2, 75, 1), (3, 75, 2), (16, 50, 8), (16, 100, 16)]
)
async def test_a_workspace_has_its_percentage(running: int, percent: int, most: int) -> None:
    size = PoolSize(running=running, workspace_percent=percent, wait_seconds=3600)
    async with demands(size, "ab") as (a, b):
        await a.grow(40)
        assert len(a.held) == most
        await b.grow(1)
        assert len(b.held) == (1 if most < running else 0)
        assert len(a.held) == most


async def test_a_workspace_fills_its_part_of_the_line_only() -> None:
    async with demands(PoolSize(running=1, waiting=8, wait_seconds=3600), "abcd") as (a, b, c, d):
        await a.grow(40)
        assert a.busy == 40 - 1 - 6
        for newcomer in (b, c, d):
            await newcomer.grow(3)
        assert [newcomer.busy for newcomer in (b, c, d)] == [2, 2, 3]
        await a.finish()
        assert [len(each.held) for each in (a, b, c)] == [1, 0, 0]
        await a.finish()
        assert [len(each.held) for each in (a, b, c)] == [0, 1, 0]
        await b.finish()
        assert [len(each.held) for each in (a, b, c)] == [0, 0, 1]


async def test_parked_processes_count_for_no_workspace_and_make_room() -> None:
    async with demands(SIXTEEN, "ab") as (a, b):
        await a.grow(12)
        await a.finish(12)
        await b.grow(12)
        assert len(b.held) == 12
        await a.grow(1)
        assert len(a.held) == 1


async def test_two_owners_of_a_workspace_share_one_quota() -> None:
    async with calm_pool(PoolSize(running=2, wait_seconds=3600)) as pool:
        first = await pool.take("a", "w1")
        second = asyncio.create_task(pool.take("b", "w1"))
        other = await asyncio.wait_for(pool.take("c", "w2"), PATIENCE_SECONDS)
        assert not second.done()
        pool.discard(first, "w1")
        await asyncio.wait_for(second, PATIENCE_SECONDS)
        pool.discard(other, "w2")
        pool.discard(await second, "w1")
