"""Few scripts begin at once, and workspaces take turns."""

import asyncio

from executor_service.sandbox.start_limiter import Gate


async def test_one_more_waits_until_one_leaves() -> None:
    gate = Gate(width=1)
    first = await gate.enter("a")
    second = asyncio.create_task(gate.enter("a"))
    await asyncio.sleep(0)
    assert not second.done()
    first.leave()
    first.leave()
    third = asyncio.create_task(gate.enter("a"))
    (await second).leave()
    (await third).leave()


async def test_a_script_that_goes_on_for_long_holds_nobody_up() -> None:
    gate = Gate(width=1)
    await gate.enter("a")
    async with asyncio.timeout(30):
        await gate.enter("a")


async def test_workspaces_take_turns() -> None:
    gate = Gate(width=1)
    entered: list[str] = []

    async def script(workspace: str) -> None:
        entry = await gate.enter(workspace)
        entered.append(workspace)
        entry.leave()

    held = await gate.enter("a")
    scripts = [asyncio.create_task(script(workspace)) for workspace in "aaab"]
    await asyncio.sleep(0)
    held.leave()
    await asyncio.gather(*scripts)
    assert entered == ["a", "b", "a", "a"]


async def test_a_script_that_is_cancelled_while_it_waits_takes_no_room() -> None:
    gate = Gate(width=1)
    held = await gate.enter("a")
    for settled in (False, True):
        waiting = asyncio.create_task(gate.enter("a"))
        await asyncio.sleep(0)
        if settled:
            held.leave()
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(30):
        (await gate.enter("b")).leave()
