"""Runs that were begun a moment ago: an attached one is recorded a little after its caller has heard of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from shared.errors import NotFound

T = TypeVar("T")
SOON_SECONDS: Final = (0.05, 0.1, 0.2, 0.4)
"""When a run is looked for again before it is said not to exist."""


async def found_soon(look: Callable[[], Awaitable[T]], after: Sequence[float] = SOON_SECONDS) -> T:
    """What `look` finds, now or `after` so many seconds each time. Raises NotFound, and what else `look` raises."""
    for seconds in after:
        with suppress(NotFound):
            return await look()
        await asyncio.sleep(seconds)
    return await look()
