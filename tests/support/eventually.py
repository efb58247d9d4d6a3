"""Waiting for what happens elsewhere."""

import asyncio
import time
from collections.abc import Callable

POLL_SECONDS = 0.01


async def eventually(condition: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Return as soon as `condition` holds. Raises TimeoutError when it does not in `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {getattr(condition, '__qualname__', condition)}")
        await asyncio.sleep(POLL_SECONDS)
