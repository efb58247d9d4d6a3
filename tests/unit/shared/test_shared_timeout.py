"""Waits of the same length that share a timer."""

import asyncio
from contextvars import ContextVar

from tests.support.eventually import eventually

from shared.shared_timeout import SharedTimeout


async def test_items_that_stay_are_late_once_and_in_order() -> None:
    late: list[str] = []
    timeout = SharedTimeout[str](0.01, late.append)
    first, second = timeout.add("first"), timeout.add("second")
    await eventually(lambda: len(late) == 2)
    assert late == ["first", "second"]
    assert not timeout.remove(first)
    assert not timeout.remove(second)


async def test_removed_items_are_never_late() -> None:
    late: list[str] = []
    timeout = SharedTimeout[str](0.01, late.append)
    assert timeout.remove(timeout.add("in time"))
    timeout.add("late")
    await eventually(lambda: late)
    assert late == ["late"]


async def test_an_item_added_after_the_timer_ended_is_late() -> None:
    late: list[str] = []
    timeout = SharedTimeout[str](0.01, late.append)
    timeout.remove(timeout.add("in time"))
    await asyncio.sleep(0.03)
    timeout.add("late")
    await eventually(lambda: late)
    assert late == ["late"]


async def test_late_items_are_reported_in_the_context_that_added_them() -> None:
    run: ContextVar[str] = ContextVar("run")
    late: list[tuple[str, str]] = []
    timeout = SharedTimeout[str](0.01, lambda item: late.append((item, run.get())))

    async def add(name: str) -> None:
        run.set(name)
        timeout.add(name)

    await asyncio.gather(add("first"), add("second"))
    await eventually(lambda: len(late) == 2)
    assert late == [("first", "first"), ("second", "second")]
