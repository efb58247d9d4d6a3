"""Base of the consumers, which settle a message after it is stored."""

from collections.abc import Awaitable, Callable
from typing import Final

from shared.broker.ports import Subscription
from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.retries import RetryPolicy, retry

TRIES: Final = 20
PAUSE_SECONDS: Final = 1.0

log = get_logger("consumers")


class QueueConsumer:
    """One subscription, from start to stop. `subscribe` raises BrokerUnavailable."""

    def __init__(self, subscribe: Callable[[], Awaitable[Subscription]], *, drain_seconds: float) -> None:
        self._subscribe = subscribe
        self._drain_seconds = drain_seconds
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Start consuming. Raises BrokerUnavailable."""
        self._subscription = await self._subscribe()

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
