"""One at a time for each name, within this process; between processes the store's conditions decide."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from shared.errors import Unavailable

WAIT_SECONDS: Final = 8.0


class Turns:
    """Keeps those who would change the same thing from racing, so that the store's conditions rarely fail."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Alone inside the block. Raises Unavailable when the turn does not come in time."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with asyncio.timeout(self._wait_seconds):
                await lock.acquire()
        except TimeoutError:
            raise Unavailable("too many changes of the same thing at once", retry_after=1) from None
        try:
            yield
        finally:
            lock.release()
