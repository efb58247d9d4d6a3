"""Background tasks, and their end."""

import asyncio
from typing import Final

from shared.observe.logging import get_logger

log = get_logger("tasks")

AGAIN_SECONDS: Final = 1.0
TRIES: Final = 10


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
