"""Optimistic concurrency: writes that succeed only if the document is unchanged since it was read."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.errors import Unavailable

ATTEMPTS: Final = 20

T = TypeVar("T")


async def retry_on_conflict(
    write: Callable[[], Awaitable[T | None]], *, conflict: str, attempts: int = ATTEMPTS, longest_delay: float = 0.0
) -> T:
    """Return the result of `write`, which reads, decides and writes. None from it is a conflict, and it runs again.

    Waits a random time of at most `longest_delay` seconds in between. Raises Unavailable with the text `conflict` after
    the last attempt.
    """
    for _ in range(attempts):
        written = await write()
        if written is not None:
            return written
        if longest_delay:
            await asyncio.sleep(longest_delay * random.random())  # noqa: S311 - spreads load, guards nothing
    raise Unavailable(conflict, retry_after=1)
