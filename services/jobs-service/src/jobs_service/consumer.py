"""Base of the consumers, which settle a message after it is stored."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

from shared.broker.ports import Broker, Subscription
from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.retries import RetryPolicy, retry

TRIES: Final = 20
PAUSE_SECONDS: Final = 1.0

log = get_logger("consumers")


class QueueConsumer(ABC):
    """One subscription, from start to stop."""

    def __init__(self, broker: Broker, *, drain_seconds: float) -> None:
        self._broker = broker
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


async def is_stored(store: Callable[[], Awaitable[None]], *, event: str, tries: int = TRIES) -> bool:
    """Call `store`; while the store is unavailable, log `event` and wait. Return False after `tries` failures."""
    policy = RetryPolicy(delay=(PAUSE_SECONDS, PAUSE_SECONDS), attempts=tries)
    try:
        await retry(store, policy, on_failure=lambda error: log.warning(event, error=str(error)))
    except Unavailable:
        return False
    return True
