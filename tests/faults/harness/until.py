"""Waiting for what has to be asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

POLL_SECONDS: Final = 0.05


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
    """Ask until it holds; who does not answer is asked again. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await _holds(condition):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await condition()
    except httpx.HTTPError:
        return False
