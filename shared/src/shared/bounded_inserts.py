"""Insert documents up to a per-owner limit, safely under concurrency."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.keyed_locks import KeyedLocks

T = TypeVar("T")
LONGEST_WAIT_SECONDS: Final = 0.3
"""Much longer than a count and a delete take."""


class BoundedInserts:
    """Serializes the inserts of each owner."""

    def __init__(self) -> None:
        self._locks = KeyedLocks()

    async def insert(
        self,
        owner: str,
        limit: int,
        *,
        count: Callable[[], Awaitable[int]],
        insert: Callable[[], Awaitable[T]],
        delete: Callable[[T], Awaitable[object]],
    ) -> T | None:
        """Return the result of `insert`; None if the owner has `limit` already.

        Another process may insert concurrently, so each counts again afterwards: the last one sees everything. If
        there are too many, each waits for a random time, so that the others keep theirs when one has removed its own.
        Raises Unavailable, and the callbacks' errors.
        """
        async with self._locks.hold(owner):
            if await count() >= limit:
                return None
            inserted = await insert()
            if await count() <= limit:
                return inserted
            await asyncio.sleep(random.uniform(0, LONGEST_WAIT_SECONDS))  # noqa: S311 - spreads load, keeps no secret
            if await count() <= limit:
                return inserted
            await delete(inserted)
            return None
