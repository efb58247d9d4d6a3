"""Per-name locks within this process; between processes the store's conditions decide."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from shared.errors import Unavailable

WAIT_SECONDS: Final = 8.0


class KeyedLocks:
    """Serializes changes to the same object, so that the store's conditions rarely fail."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Hold the lock inside the block. Raises Unavailable on timeout."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with asyncio.timeout(self._wait_seconds):
                await lock.acquire()
        except TimeoutError:
            raise Unavailable(
                "Too many concurrent changes to this resource. Retry in a moment", retry_after=1
            ) from None
        try:
            yield
        finally:
            lock.release()
