"""Workspaces take turns, first come, first served within one; a grant to a cancelled waiter is not lost."""

import asyncio

import pytest

from executor_service.sandbox.fair_queue import FairQueue


class Counter:
    """Grants numbers to those in its line."""

    def __init__(self) -> None:
        self.returned: list[tuple[str, int]] = []
        self.line: FairQueue[int] = FairQueue(lambda waiter, number: self.returned.append((waiter.owner, number)))

    async def stand(self, owner: str, workspace: str = "") -> "asyncio.Task[int]":
        async def standing() -> int:
            return await self.line.wait(workspace, owner)

        task = asyncio.create_task(standing())
        await asyncio.sleep(0)
        return task

    def grant(self, number: int) -> str:
        waiter = self.line.next()
        assert waiter is not None
        waiter.granted.set_result(number)
        return waiter.owner


@pytest.fixture
def counter() -> Counter:
    return Counter()


async def test_waiters_are_served_in_order_of_arrival(counter: Counter) -> None:
    first, second = await counter.stand("a"), await counter.stand("b")
    assert [counter.grant(1), counter.grant(2)] == ["a", "b"]
    assert [await first, await second] == [1, 2]
    assert counter.line.next() is None


async def test_workspaces_take_turns_in_any_order_of_arrival(counter: Counter) -> None:
    standing = [await counter.stand(f"{workspace}{n}", workspace) for workspace in "abc" for n in range(3)]
    assert [counter.grant(n) for n in range(9)] == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]
    await asyncio.gather(*standing)


async def test_a_newcomer_waits_for_one_grant_of_each_workspace_in_line(counter: Counter) -> None:
    standing = [await counter.stand(f"a{n}", "a") for n in range(3)]
    assert counter.grant(0) == "a0"
    standing.append(await counter.stand("b0", "b"))
    assert [counter.grant(n) for n in range(1, 4)] == ["a1", "b0", "a2"]
    await asyncio.gather(*standing)


async def test_a_workspace_without_admission_keeps_its_turn(counter: Counter) -> None:
    standing = [await counter.stand("a0", "a"), await counter.stand("b0", "b"), await counter.stand("c0", "c")]
    waiter = counter.line.next(lambda workspace: workspace != "a")
    assert waiter is not None
    waiter.granted.set_result(0)
    assert waiter.owner == "b0"
    assert counter.line.next(lambda _: False) is None
    assert [counter.grant(1), counter.grant(2)] == ["a0", "c0"]
    await asyncio.gather(*standing)


async def test_only_waiters_are_counted_and_ask_for_admission(counter: Counter) -> None:
    standing = [await counter.stand("a", "a"), await counter.stand("b", "b"), await counter.stand("a", "a")]
    assert (len(counter.line), counter.line.waiting("a"), counter.line.waiting("c")) == (3, 2, 0)
    standing[1].cancel()  # it learns of it in the next turn of the loop only
    asked: list[str] = []

    def refuse(workspace: str) -> bool:
        asked.append(workspace)
        return False

    assert counter.line.next(refuse) is None
    assert asked == ["a"]
    for task in standing:
        task.cancel()
    await asyncio.wait(standing)
    assert (len(counter.line), counter.line.waiting("a")) == (0, 0)


async def test_a_cancelled_waiter_is_skipped(counter: Counter) -> None:
    first, second = await counter.stand("a"), await counter.stand("b")
    first.cancel()
    await asyncio.wait([first])
    assert len(counter.line) == 1
    assert counter.grant(1) == "b"
    assert await second == 1
    assert counter.returned == []


async def test_a_waiter_with_a_pending_cancellation_is_granted_nothing(counter: Counter) -> None:
    first, second = await counter.stand("a"), await counter.stand("b")
    first.cancel()  # it learns of it in the next turn of the loop only
    assert counter.grant(1) == "b"
    await asyncio.wait([first, second])
    assert counter.returned == []


async def test_a_grant_to_a_waiter_being_cancelled_is_returned(counter: Counter) -> None:
    first = await counter.stand("a")
    counter.grant(1)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    assert counter.returned == [("a", 1)]


async def test_every_waiter_is_dismissed(counter: Counter) -> None:
    standing = [await counter.stand("a"), await counter.stand("b")]
    counter.line.fail_all(ValueError("closed"))
    for each in standing:
        with pytest.raises(ValueError, match="closed"):
            await each
    assert len(counter.line) == 0
