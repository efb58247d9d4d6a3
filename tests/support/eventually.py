"""Waiting for what happens elsewhere."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx2

POLL_SECONDS = 0.01
PATIENCE_SECONDS = 75.0
"""For what does happen: long enough for a machine that is busy with something else, and for a wall clock that was set
back by 30 s, which delays by as much what is due at a time of the store."""


async def eventually(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `condition` holds. Raises TimeoutError when it does not in `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {getattr(condition, '__qualname__', condition)}")
        await asyncio.sleep(POLL_SECONDS)


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Ask until it holds; a service that does not answer is asked again. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await _holds(condition):  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(POLL_SECONDS)


async def _holds(condition: Callable[[], Awaitable[object]]) -> object:
    try:
        return await condition()
    except httpx2.HTTPError:
        return False
