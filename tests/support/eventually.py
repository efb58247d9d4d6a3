"""Wait for conditions that other tasks or processes fulfill."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx2

POLL_SECONDS = 0.01
LONGEST_POLL_SECONDS = 0.05
"""Other processes spend as much CPU time on a poll as this one, so polls of them become rarer."""
PATIENCE_SECONDS = 75.0
"""Timeout for expected events. It allows for a busy machine, and for a wall clock that is set back by 30 s, which
delays everything that is due at a time of the store by as much."""
PATIENCE_MS = int(PATIENCE_SECONDS * 1000)
"""The same, for time limits that a test must not reach."""


async def eventually(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `condition` holds. Raises TimeoutError when it does not hold within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {getattr(condition, '__qualname__', condition)}")
        await asyncio.sleep(POLL_SECONDS)


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `condition` holds; retry while a service does not respond. Raises TimeoutError."""
    pause = POLL_SECONDS
    async with asyncio.timeout(seconds):
        while not await _holds(condition):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)


async def _holds(condition: Callable[[], Awaitable[object]]) -> object:
    try:
        return await condition()
    except httpx2.HTTPError:
        return False
