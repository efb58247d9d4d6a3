"""Few scripts start concurrently, and workspaces take turns."""

import asyncio

from executor_service.sandbox.start_limiter import StartLimiter


async def test_one_more_waits_until_one_leaves() -> None:
    limiter = StartLimiter(width=1)
    first = await limiter.acquire("a")
    second = asyncio.create_task(limiter.acquire("a"))
    await asyncio.sleep(0)
    assert not second.done()
    first.release()
    first.release()
    third = asyncio.create_task(limiter.acquire("a"))
    (await second).release()
    (await third).release()


async def test_a_long_script_delays_no_other() -> None:
    limiter = StartLimiter(width=1)
    await limiter.acquire("a")
    async with asyncio.timeout(30):
        await limiter.acquire("a")


async def test_workspaces_take_turns() -> None:
    limiter = StartLimiter(width=1)
    entered: list[str] = []

    async def script(workspace: str) -> None:
        slot = await limiter.acquire(workspace)
        entered.append(workspace)
        slot.release()

    held = await limiter.acquire("a")
    scripts = [asyncio.create_task(script(workspace)) for workspace in "aaab"]
    await asyncio.sleep(0)
    held.release()
    await asyncio.gather(*scripts)
    assert entered == ["a", "b", "a", "a"]


async def test_a_script_that_is_cancelled_while_it_waits_takes_no_room() -> None:
    limiter = StartLimiter(width=1)
    held = await limiter.acquire("a")
    for settled in (False, True):
        waiting = asyncio.create_task(limiter.acquire("a"))
        await asyncio.sleep(0)
        if settled:
            held.release()
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(30):
        (await limiter.acquire("b")).release()
