"""Of what somebody may have a bounded number: it is never passed, however many add to it at once."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.turns import Turns

T = TypeVar("T")


class BoundedAdding:
    """Adds for one owner after the other."""

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
        """What `add` comes to; None where the owner has `at_most` already. Raises Unavailable, and what they raise.

        Another process may add at the same moment, and so each counts again: whoever was last sees all of it.
        """
        async with self._turns.of(owner):
            if await count() >= at_most:
                return None
            added = await add()
            if await count() <= at_most:
                return added
            await take_back(added)
            return None
