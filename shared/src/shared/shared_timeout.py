"""One timer for many waits of the same length, nearly all of which end in time."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedTimeout(Generic[T]):
    """Calls `on_late`, in the context of `add`, with each item that is not removed within `seconds`.

    A timer of the event loop costs more than everything else that an item needs, so one serves all items. It continues
    after they are removed, and then finds none.
    """

    def __init__(self, seconds: float, on_late: Callable[[T], None]) -> None:
        self._seconds = seconds
        self._on_late = on_late
        self._items: dict[int, tuple[float, T, Context]] = {}
        """Deadlines, items and their contexts, by the number of the item, oldest first."""
        self._last = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, item: T) -> int:
        """Start the time of `item`, and return its number."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        self._last += 1
        self._items[self._last] = deadline, item, copy_context()
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._check)
        return self._last

    def remove(self, number: int) -> bool:
        """Return whether the item with this number was in time, which it then stays."""
        return self._items.pop(number, None) is not None

    def _check(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._items:
            number, (deadline, item, context) = next(iter(self._items.items()))
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._check)
                return
            del self._items[number]
            loop.call_soon(self._on_late, item, context=context)
