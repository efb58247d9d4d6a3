"""Recent runs: an attached run is recorded shortly after its caller learns of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from shared.errors import NotFound

T = TypeVar("T")
SOON_SECONDS: Final = (0.05, 0.1, 0.2, 0.4)
"""Delays before looking up a run again."""


async def found_soon(look: Callable[[], Awaitable[T]], after: Sequence[float] = SOON_SECONDS) -> T:
    """Return what `look` finds, retried after each delay in `after`. Raises NotFound, and what else `look` raises."""
    for seconds in after:
        with suppress(NotFound):
            return await look()
        await asyncio.sleep(seconds)
    return await look()
