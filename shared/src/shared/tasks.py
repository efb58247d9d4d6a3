"""Start and end background tasks."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from shared.observe.logging import get_logger

T = TypeVar("T")
log = get_logger("tasks")

RETRY_SECONDS: Final = 1.0
MAX_CANCELS: Final = 10


def start_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task, which runs until its first wait before other tasks, where Python supports that (3.12).

    One that never waits then costs no event-loop turn.
    """
    # No variable refers to the task: the traceback of an error in its first step refers to this frame.
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
    else:  # noqa: RET505 - mypy takes code after the branch for unreachable
        return asyncio.create_task(work)


async def run_periodically(step: Callable[[], Awaitable[None]], *, every: float, name: str) -> None:
    """Run `step` every `every` seconds. Log unexpected errors and continue.

    Background tasks have no observer: one that ended with an error would only be noticed by missing work.
    """
    while True:
        await asyncio.sleep(every)
        try:
            await step()
        except Exception:
            log.exception("background_step_failed", task=name)


async def cancel_task(task: asyncio.Task[None] | None) -> None:
    """Cancel a background task and wait until it ends, in bounded time.

    PyMongo may mistake a cancellation during a read for a lost connection, and read again: the task then continues and
    must be cancelled again.
    """
    if task is None:
        return
    for _ in range(MAX_CANCELS):
        task.cancel()
        await asyncio.wait({task}, timeout=RETRY_SECONDS)
        if task.done():
            break
    if not task.done():
        log.error("background_task_not_ended", name=task.get_name())
    elif not task.cancelled() and (failure := task.exception()) is not None:
        log.error("background_task_failed", name=task.get_name(), error=repr(failure))
