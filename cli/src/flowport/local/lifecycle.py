"""Lifecycle of long-running commands: start, interrupt and stop."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Any, Final, Protocol

import uvloop

STOPPING: Final = (
    "Stopping: calls in progress may end, then the services and the servers stop. Ctrl-C again stops immediately."
)
INTERRUPTED: Final = 130


class Startable(Protocol):
    """A server whose start and stop block."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@asynccontextmanager
async def run_server(server: Startable) -> AsyncIterator[None]:
    """Run a server inside the block. It is stopped afterwards, even if interrupted while it starts."""
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        await asyncio.shield(starting)
        yield
    finally:
        await asyncio.wait({starting})
        await asyncio.to_thread(server.stop)


def run_until_stopped(command: Coroutine[Any, Any, None]) -> None:
    """Run `command` until it ends, or until Ctrl-C, SIGTERM or SIGHUP cancels it.

    Later signals do not interrupt its cleanup, except a second Ctrl-C: it ends the process immediately, and the
    operating system kills the servers that it started.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_interruptible(command))


async def _interruptible(command: Coroutine[Any, Any, None]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(command)
    interrupts: list[int] = []

    def interrupt(signum: int) -> None:
        if not interrupts:
            interrupts.append(signum)
            task.cancel()
            loop.call_soon(task.uncancel)  # in Python 3.11.2, a timeout in a cancelled task aborts it
            if signum == SIGINT:
                sys.stderr.write(f"\n{STOPPING}\n")
        elif signum == SIGINT == interrupts[0]:
            os._exit(INTERRUPTED)

    for signum in (SIGINT, SIGTERM, SIGHUP):
        loop.add_signal_handler(signum, interrupt, signum)
    with suppress(asyncio.CancelledError):
        await task
