"""A line of those who wait for something: first come, first served."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Waiter(Generic[T]):
    """One who waits; `owner` is for whom."""

    owner: str
    granted: "asyncio.Future[T]"


class Line(Generic[T]):
    """`take_back` is given what was granted to somebody (and for whom) who left in that very moment."""

    def __init__(self, take_back: Callable[[str, T], None]) -> None:
        self._waiters: deque[Waiter[T]] = deque()
        self._take_back = take_back

    def __len__(self) -> int:
        return len(self._waiters)

    def wait(self, owner: str = "") -> Awaitable[T]:
        """Stand in line, from now until something is granted. Raises what everybody in it is dismissed with."""
        waiter: Waiter[T] = Waiter(owner, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        return self._served(waiter)

    def next(self) -> Waiter[T] | None:
        """Who has waited longest, no longer in line: the caller is to grant something. None when nobody waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.granted.done():
                return waiter
        return None

    def dismiss(self, error: Exception) -> None:
        """Nobody in line gets anything."""
        while waiter := self.next():
            waiter.granted.set_exception(error)

    async def _served(self, waiter: Waiter[T]) -> T:
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def _leave(self, waiter: Waiter[T]) -> None:
        if waiter.granted.cancelled():
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        elif waiter.granted.exception() is None:
            self._take_back(waiter.owner, waiter.granted.result())
