"""What every consumer does: it takes what comes while it runs, and settles nothing that is not stored."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

from shared.broker.ports import Subscription
from shared.errors import Unavailable
from shared.observe.logging import get_logger

TRIES: Final = 20
PAUSE_SECONDS: Final = 1.0

log = get_logger("consumers")


class QueueConsumer(ABC):
    """One subscription, from start to stop."""

    def __init__(self, *, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._subscription: Subscription | None = None

    @abstractmethod
    async def subscribe(self) -> Subscription:
        """Begin to take what comes. Raises BrokerUnavailable."""

    async def start(self) -> None:
        """Take what comes. Raises BrokerUnavailable."""
        self._subscription = await self.subscribe()

    async def stop(self) -> None:
        """Take no more, and store what is in hand."""
        if self._subscription is not None:
            await self._subscription.close(grace=self._drain_seconds)


async def is_stored(store: Callable[[], Awaitable[None]], *, waiting: str) -> bool:
    """Store it; while the store is away, wait a while and log `waiting`. False: it was away all the time."""
    for _ in range(TRIES):
        try:
            await store()
        except Unavailable as error:
            log.warning(waiting, error=error.message)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return True
    return False
