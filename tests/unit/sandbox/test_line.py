"""First come, first served; and what is granted to somebody who leaves in that moment is not lost."""

import asyncio

import pytest

from executor_service.sandbox.line import Line


class Counter:
    """Grants numbers to those in its line."""

    def __init__(self) -> None:
        self.returned: list[tuple[str, int]] = []
        self.line: Line[int] = Line(lambda owner, number: self.returned.append((owner, number)))

    async def stand(self, owner: str) -> "asyncio.Task[int]":
        async def standing() -> int:
            return await self.line.wait(owner)

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


async def test_who_came_first_is_served_first(counter: Counter) -> None:
    first, second = await counter.stand("a"), await counter.stand("b")
    assert [counter.grant(1), counter.grant(2)] == ["a", "b"]
    assert [await first, await second] == [1, 2]
    assert counter.line.next() is None


async def test_who_leaves_is_passed_over(counter: Counter) -> None:
    first, second = await counter.stand("a"), await counter.stand("b")
    first.cancel()
    await asyncio.wait([first])
    assert len(counter.line) == 1
    assert counter.grant(1) == "b"
    assert await second == 1
    assert counter.returned == []


async def test_who_is_about_to_leave_is_granted_nothing(counter: Counter) -> None:
    first, second = await counter.stand("a"), await counter.stand("b")
    first.cancel()  # it is told so in the next turn of the loop only
    assert counter.grant(1) == "b"
    await asyncio.wait([first, second])
    assert counter.returned == []


async def test_what_was_granted_in_the_moment_of_leaving_comes_back(counter: Counter) -> None:
    first = await counter.stand("a")
    counter.grant(1)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    assert counter.returned == [("a", 1)]


async def test_everybody_in_line_is_dismissed(counter: Counter) -> None:
    standing = [await counter.stand("a"), await counter.stand("b")]
    counter.line.dismiss(ValueError("closed"))
    for each in standing:
        with pytest.raises(ValueError, match="closed"):
            await each
    assert len(counter.line) == 0
