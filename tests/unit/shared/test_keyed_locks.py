"""Turns: one at a time per workflow, in order, for a bounded time."""

import asyncio

import pytest

from shared.errors import Unavailable
from shared.keyed_locks import KeyedLocks


async def test_one_at_a_time_in_the_order_of_asking() -> None:
    locks, inside, order = KeyedLocks(), 0, []

    async def take(number: int) -> None:
        nonlocal inside
        async with locks.hold("w"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    await asyncio.gather(*(take(number) for number in range(20)))
    assert order == list(range(20))


async def test_another_workflow_does_not_wait() -> None:
    locks = KeyedLocks()
    async with locks.hold("one"), locks.hold("other"):
        pass


async def test_a_call_that_waits_too_long_gets_a_retry_error() -> None:
    locks = KeyedLocks(wait_seconds=0.01)
    async with locks.hold("w"):
        with pytest.raises(Unavailable) as refused:
            async with locks.hold("w"):
                raise AssertionError("two concurrent turns")
    assert refused.value.retry_after
    async with locks.hold("w"):
        pass


async def test_an_error_inside_releases_the_lock() -> None:
    locks = KeyedLocks()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold("w"):
            raise ZeroDivisionError
    async with locks.hold("w"):
        pass


async def test_released_locks_leave_nothing() -> None:
    locks = KeyedLocks()
    for number in range(100):
        async with locks.hold(f"w{number}"):
            pass
    assert len(locks._locks) <= 1
