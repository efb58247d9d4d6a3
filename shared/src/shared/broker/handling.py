"""What every adapter does with a delivery: run its handler, settle it whatever happens, and stop in bounded time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Generic, TypeVar

from shared.broker.ports import DeadLetter, Delivery, Settlement
from shared.observe.logging import get_logger

log = get_logger("broker")

T = TypeVar("T")
D = TypeVar("D", bound=Delivery | DeadLetter)

CANCEL_SECONDS: Final = 5.0

Settle = Callable[[Settlement], None]


class InHand(Generic[D]):
    """The deliveries whose handlers are running, at most `limit` at once. Each is settled exactly once."""

    def __init__(self, handler: Callable[[D], Awaitable[Settlement]], *, limit: int) -> None:
        self._handler = handler
        self._limit = limit
        self._tasks: set[asyncio.Task[Settlement]] = set()
        self._waiting: deque[tuple[D, Settle]] = deque()

    @property
    def has_room(self) -> bool:
        """Whether the next delivery's handler would run at once."""
        return len(self._tasks) < self._limit

    def take(self, delivery: D, settle: Settle) -> None:
        """Run the handler on `delivery`, now or when there is room; `settle` is called with what becomes of it."""
        if not self.has_room:
            self._waiting.append((delivery, settle))
            return
        task = asyncio.get_running_loop().create_task(_handle(self._handler, delivery))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, settle))

    def forget_waiting(self) -> None:
        """The broker has taken back what no handler has begun."""
        self._waiting.clear()

    async def drain(self, grace: float) -> None:
        """Give the handlers `grace` seconds, then cancel the rest: those are redelivered."""
        while self._waiting:
            self._waiting.popleft()[1](Settlement.REDELIVER)
        if self._tasks and grace > 0:
            await asyncio.wait(self._tasks, timeout=grace)
        await self._cancel()

    async def _cancel(self) -> None:
        stubborn = set(self._tasks)
        for task in stubborn:
            task.cancel()
        if stubborn:
            _, stubborn = await asyncio.wait(stubborn, timeout=CANCEL_SECONDS)
        if stubborn:
            log.error("handlers ignore their cancellation", count=len(stubborn))

    def _done(self, settle: Settle, task: asyncio.Task[Settlement]) -> None:
        self._tasks.discard(task)
        # A task that was cancelled before its first step never entered its coroutine, so this cannot be a `finally`.
        failed = task.cancelled() or task.exception() is not None
        settle(Settlement.REDELIVER if failed else task.result())
        if self._waiting and self.has_room:
            self.take(*self._waiting.popleft())


async def _handle(handler: Callable[[D], Awaitable[Settlement]], delivery: D) -> Settlement:
    try:
        return await handler(delivery)
    except Exception:
        log.exception("a handler failed; its message goes back", message=_kind(delivery))
        return Settlement.REDELIVER


def _kind(delivery: Delivery | DeadLetter) -> str:
    return type(delivery.message if isinstance(delivery, Delivery) else delivery).__name__


def notify(callback: Callable[[T], None], value: T) -> None:
    """Tell a listener; its failure is logged and stays its own."""
    try:
        callback(value)
    except Exception:
        log.exception("a listener failed", value=type(value).__name__)
