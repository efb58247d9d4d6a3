"""Delivery handling shared by all adapters: run the handler, always settle, and stop in bounded time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Generic, TypeVar

from shared.broker.ports import DeadLetter, Delivery, Settlement
from shared.observe.logging import get_logger
from shared.tasks import start_task

log = get_logger("broker")

T = TypeVar("T")
D = TypeVar("D", bound=Delivery | DeadLetter)

CANCEL_SECONDS: Final = 5.0

Settle = Callable[[Settlement], None]


class InFlight(Generic[D]):
    """Deliveries whose handlers are running, at most `limit` concurrently. Each is settled exactly once."""

    def __init__(self, handler: Callable[[D], Awaitable[Settlement]], *, limit: int) -> None:
        self._handler = handler
        self._limit = limit
        self._tasks: set[asyncio.Task[Settlement]] = set()
        self._waiting: deque[tuple[D, Settle]] = deque()

    @property
    def has_room(self) -> bool:
        """Return whether the next delivery's handler would start immediately."""
        return len(self._tasks) < self._limit

    def take(self, delivery: D, settle: Settle) -> None:
        """Run the handler on `delivery`, now or when there is room; call `settle` with the result."""
        if not self.has_room:
            self._waiting.append((delivery, settle))
            return
        task = start_task(_handle(self._handler, delivery))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, settle))

    def forget_waiting(self) -> None:
        """Drop deliveries whose handlers have not started: the broker has requeued them."""
        self._waiting.clear()

    async def drain(self, grace: float) -> None:
        """Give running handlers `grace` seconds, then cancel the rest, which are redelivered."""
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
            log.error("handlers_ignored_cancellation", count=len(stubborn))

    def _done(self, settle: Settle, task: asyncio.Task[Settlement]) -> None:
        self._tasks.discard(task)
        # A task cancelled before its first step never enters its coroutine, so this cannot be a `finally`.
        failed = task.cancelled() or task.exception() is not None
        settle(Settlement.REDELIVER if failed else task.result())
        if self._waiting and self.has_room:
            self.take(*self._waiting.popleft())


async def _handle(handler: Callable[[D], Awaitable[Settlement]], delivery: D) -> Settlement:
    try:
        return await handler(delivery)
    except Exception:
        log.exception("message_handler_failed", message=_kind(delivery))
        return Settlement.REDELIVER


def _kind(delivery: Delivery | DeadLetter) -> str:
    return type(delivery.message if isinstance(delivery, Delivery) else delivery).__name__


def notify(callback: Callable[[T], None], value: T) -> None:
    """Call a listener; log its failure without raising it."""
    try:
        callback(value)
    except Exception:
        log.exception("listener_failed", value=type(value).__name__)
