"""What every adapter does with a delivery: run its handler, settle it whatever happens, and stop in bounded time."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from shared.broker.ports import Delivery, Handler, Settlement
from shared.observe.logging import get_logger

log = get_logger("broker")

T = TypeVar("T")

CANCEL_SECONDS: Final = 5.0

Settle = Callable[[Settlement], None]


class InHand:
    """The deliveries whose handlers are running. Each is settled exactly once."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[Settlement]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def take(self, delivery: Delivery, settle: Settle) -> None:
        """Run the handler on `delivery`; `settle` is called once with what becomes of it."""
        task = asyncio.get_running_loop().create_task(_handle(self._handler, delivery))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, settle))

    async def drain(self, grace: float) -> None:
        """Give the handlers `grace` seconds, then cancel the rest: those are redelivered."""
        if self._tasks and grace > 0:
            await asyncio.wait(self._tasks, timeout=grace)
        await self.cancel()

    async def cancel(self) -> None:
        """Cancel every handler and wait for them to give in, but not for ever."""
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


async def _handle(handler: Handler, delivery: Delivery) -> Settlement:
    try:
        return await handler(delivery)
    except Exception:
        log.exception("a handler failed; its message goes back", message=type(delivery.message).__name__)
        return Settlement.REDELIVER


def notify(callback: Callable[[T], None], value: T) -> None:
    """Tell a listener; its failure is logged and stays its own."""
    try:
        callback(value)
    except Exception:
        log.exception("a listener failed", value=type(value).__name__)
