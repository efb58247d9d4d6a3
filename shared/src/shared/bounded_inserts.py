"""Insert documents up to a per-owner limit, safely under concurrency."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.keyed_locks import Turns

T = TypeVar("T")


class BoundedAdding:
    """Serializes the inserts of each owner."""

    def __init__(self) -> None:
        self._turns = Turns()

    async def add(
        self,
        owner: str,
        at_most: int,
        *,
        count: Callable[[], Awaitable[int]],
        add: Callable[[], Awaitable[T]],
        take_back: Callable[[T], Awaitable[object]],
    ) -> T | None:
        """Return the result of `add`; None if the owner has `at_most` already.

        Another process may add concurrently, so each counts again afterwards: the last one sees everything. Raises
        Unavailable, and the callbacks' errors.
        """
        async with self._turns.of(owner):
            if await count() >= at_most:
                return None
            added = await add()
            if await count() <= at_most:
                return added
            await take_back(added)
            return None
