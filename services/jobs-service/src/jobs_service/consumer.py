"""Base of all consumers: take messages while running, and settle only what is stored."""

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
        """Subscribe to the queue. Raises BrokerUnavailable."""

    async def start(self) -> None:
        """Start consuming. Raises BrokerUnavailable."""
        self._subscription = await self.subscribe()

    async def stop(self) -> None:
        """Stop consuming, and store messages in progress."""
        if self._subscription is not None:
            await self._subscription.close(grace=self._drain_seconds)


async def is_stored(store: Callable[[], Awaitable[None]], *, event: str) -> bool:
    """Store it; while the store is unavailable, wait and log `event`. False: it stayed unavailable."""
    for _ in range(TRIES):
        try:
            await store()
        except Unavailable as error:
            log.warning(event, error=error.message)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return True
    return False
