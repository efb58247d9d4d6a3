"""Insert documents up to a per-owner limit, safely under concurrency."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.keyed_locks import KeyedLocks

T = TypeVar("T")


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

        Another process may insert concurrently, so each counts again afterwards: the last one sees everything. Raises
        Unavailable, and the callbacks' errors.
        """
        async with self._locks.hold(owner):
            if await count() >= limit:
                return None
            inserted = await insert()
            if await count() <= limit:
                return inserted
            await delete(inserted)
            return None
