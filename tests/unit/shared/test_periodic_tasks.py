"""Background work continues after an error."""

import asyncio

from tests.support.eventually import eventually

from shared.tasks import cancel_task, run_periodically


async def test_a_failed_step_is_followed_by_the_next_one() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        raise RuntimeError("unexpected")

    task = asyncio.create_task(run_periodically(step, every=0.001, name="test"))
    await eventually(lambda: steps >= 3)
    await cancel_task(task)
    assert task.cancelled()
