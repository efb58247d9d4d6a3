"""Background tasks, and their end."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from shared.observe.logging import get_logger

T = TypeVar("T")
log = get_logger("tasks")

AGAIN_SECONDS: Final = 1.0
TRIES: Final = 10


def begin(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that works until it first waits before anybody else has a turn, where Python can do that (3.12).

    One that never waits costs the loop nothing then.
    """
    if sys.version_info >= (3, 12):
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
    else:
        task = asyncio.create_task(work)
    return task


async def for_ever(step: Callable[[], Awaitable[None]], *, every: float, name: str) -> None:
    """Do `step` each `every` seconds. One that fails in a way that it does not know is logged, and the next one comes.

    Nobody looks after a background task: one that ended by an error would be missed by what it leaves undone.
    """
    while True:
        await asyncio.sleep(every)
        try:
            await step()
        except Exception:
            log.exception("a step failed", task=name)


async def end(task: asyncio.Task[None] | None) -> None:
    """Cancel a background task and wait until it is over, in bounded time.

    PyMongo may take a cancellation in the middle of a read for a lost connection, and read again: the task goes on as
    if nobody had said anything, and has to be told once more.
    """
    if task is None:
        return
    for _ in range(TRIES):
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
        if task.done():
            break
    if not task.done():
        log.error("a background task does not end", name=task.get_name())
    elif not task.cancelled() and (failure := task.exception()) is not None:
        log.error("a background task had failed", name=task.get_name(), error=repr(failure))
