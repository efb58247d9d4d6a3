"""Run slots go to waiting runs in the order of arrival, and none is lost."""

import asyncio

from executor_service.consumers.work import Slots


async def test_a_released_slot_passes_to_the_run_that_waits_longest() -> None:
    slots, order = Slots(1), list[str]()
    assert slots.take()
    assert not slots.take()

    async def wait(name: str) -> None:
        await slots.acquire()
        order.append(name)

    waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    slots.release()
    assert not slots.take()  # the slot belongs to the first
    await waiting[0]
    slots.release()
    await waiting[1]
    assert (order, slots.free) == (["first", "second"], 0)
    slots.release()
    assert slots.free == 1


async def test_a_run_that_stops_waiting_takes_no_slot() -> None:
    slots = Slots(1)
    slots.take()
    stopped, next_run = (asyncio.create_task(slots.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    stopped.cancel()
    await asyncio.wait({stopped})
    slots.release()
    await next_run
    assert slots.free == 0


async def test_a_slot_that_passes_to_a_stopped_run_passes_on() -> None:
    slots = Slots(1)
    slots.take()
    stopped, next_run = (asyncio.create_task(slots.acquire()) for _ in range(2))
    await asyncio.sleep(0)
    slots.release()
    stopped.cancel()  # before it has run with the slot
    await asyncio.wait({stopped})
    await next_run
    slots.release()
    assert slots.free == 1
