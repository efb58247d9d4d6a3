"""The drain of `runs.dead`. A letter is settled after it is stored, never before."""

import asyncio
from typing import Final

from jobs_service.application.dead_lettering import DeadLettering
from shared.broker.ports import Broker, DeadLetter, Settlement, Subscription
from shared.broker.topology import DEAD
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("dead_letters")
PREFETCH: Final = 16
TRIES: Final = 20
PAUSE_SECONDS: Final = 1.0


class DeadLettersConsumer:
    """Buries, for as long as it runs."""

    def __init__(self, broker: Broker, dead_lettering: DeadLettering, *, drain_seconds: float) -> None:
        self._broker = broker
        self._dead_lettering = dead_lettering
        self._drain_seconds = drain_seconds
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Take letters. Raises BrokerUnavailable."""
        self._subscription = await self._broker.work.drain(DEAD, self.handle, prefetch=PREFETCH)

    async def stop(self) -> None:
        """Take no more, and store what is in hand."""
        if self._subscription is not None:
            await self._subscription.close(grace=self._drain_seconds)

    async def handle(self, letter: DeadLetter) -> Settlement:
        """Store one letter; while the store is away, wait for it a while rather than to send it round."""
        for _ in range(TRIES):
            try:
                await self._dead_lettering.bury(letter)
            except Unavailable as error:
                log.warning("a dead letter waits for the store", error=error.message)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            return Settlement.ACK
        return Settlement.REDELIVER
