"""Background tasks end, even if a cancellation is swallowed on its way."""

import asyncio

from shared.tasks import cancel_task


async def test_a_task_is_over_when_its_end_returns() -> None:
    task = asyncio.create_task(asyncio.sleep(60, None))
    await asyncio.sleep(0)
    await cancel_task(task)
    assert task.cancelled()
    await cancel_task(task)
    await cancel_task(None)


async def test_a_task_that_missed_its_cancellation_is_cancelled_again() -> None:
    async def deaf_once() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await cancel_task(task)
    assert task.cancelled()


async def test_an_earlier_failed_task_prevents_no_stop() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await cancel_task(task)
    assert task.done()
