"""Consumer of `runs.events`. A message is settled after its events are stored."""

import asyncio
from typing import Final

from jobs_service.consumer import QueueConsumer
from jobs_service.events.service import EventService
from shared.broker.ports import Broker, Delivery, Settlement, Subscription
from shared.broker.queue_topology import EVENTS
from shared.contracts.messages import EventBatch
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("events")
PREFETCH: Final = 128
PAUSE_SECONDS: Final = 1.0
"""With the queue's delivery limit, how long events wait for an unavailable store before they become dead letters."""


class EventsConsumer(QueueConsumer):
    """Passes events to the log while it runs."""

    def __init__(self, broker: Broker, events: EventService, *, drain_seconds: float) -> None:
        super().__init__(drain_seconds=drain_seconds)
        self._broker = broker
        self._events = events

    async def subscribe(self) -> Subscription:
        """See QueueConsumer."""
        return await self._broker.work.consume(EVENTS, self.handle, prefetch=PREFETCH)

    async def handle(self, delivery: Delivery) -> Settlement:
        """Store one batch; while the store is unavailable, redeliver it slowly."""
        if not isinstance(delivery.message, EventBatch):
            return Settlement.DEAD_LETTER
        try:
            await self._events.append(delivery.message)
        except Unavailable as error:
            log.warning("events_waiting_for_store", error=error.message)
            await asyncio.sleep(PAUSE_SECONDS)
            return Settlement.REDELIVER
        return Settlement.ACK
