"""How long-running commands start, end and fail."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any, Protocol

import uvloop


class Startable(Protocol):
    """A server whose start and stop block."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@asynccontextmanager
async def running(server: Startable) -> AsyncIterator[None]:
    """The server is up inside the block, and stopped after it, even when interrupted while it was starting."""
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        await asyncio.shield(starting)
        yield
    finally:
        await asyncio.wait({starting})
        await asyncio.to_thread(server.stop)


def run_until_stopped(command: Coroutine[Any, Any, None]) -> None:
    """Run `command`; the first Ctrl-C, SIGTERM or lost terminal cancels it, later ones leave its cleaning up alone."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_interruptible(command))


async def _interruptible(command: Coroutine[Any, Any, None]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(command)
    told: set[int] = set()

    def interrupt() -> None:
        if not told:
            told.add(1)
            task.cancel()
            loop.call_soon(task.uncancel)  # a time limit in a task that counts as cancelled breaks it off in 3.11.2

    for signum in (SIGINT, SIGTERM, SIGHUP):
        loop.add_signal_handler(signum, interrupt)
    with suppress(asyncio.CancelledError):
        await task
