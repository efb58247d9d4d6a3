"""Turns: one at a time for each workflow, in order, and never for ever."""

import asyncio

import pytest

from shared.errors import Unavailable
from shared.keyed_locks import Turns


async def test_one_at_a_time_in_the_order_of_asking() -> None:
    turns, inside, order = Turns(), 0, []

    async def take(number: int) -> None:
        nonlocal inside
        async with turns.of("w"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(number)
            inside -= 1

    await asyncio.gather(*(take(number) for number in range(20)))
    assert order == list(range(20))


async def test_another_workflow_does_not_wait() -> None:
    turns = Turns()
    async with turns.of("one"), turns.of("other"):
        pass


async def test_who_waits_too_long_is_told_to_come_again() -> None:
    turns = Turns(wait_seconds=0.01)
    async with turns.of("w"):
        with pytest.raises(Unavailable) as refused:
            async with turns.of("w"):
                raise AssertionError("two inside at once")
    assert refused.value.retry_after
    async with turns.of("w"):
        pass


async def test_an_error_inside_gives_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        async with turns.of("w"):
            raise ZeroDivisionError
    async with turns.of("w"):
        pass


async def test_nothing_is_kept_of_those_who_are_done() -> None:
    turns = Turns()
    for number in range(100):
        async with turns.of(f"w{number}"):
            pass
    assert len(turns._locks) <= 1
