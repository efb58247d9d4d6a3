"""Consumer of `runs.events`. A message is settled after its events are stored."""

from functools import partial
from typing import Final

from jobs_service.consumer import QueueConsumer, is_stored
from jobs_service.events.service import EventService
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.queue_topology import EVENTS
from shared.contracts.messages import EventBatch

PREFETCH: Final = 128


class EventsConsumer(QueueConsumer):
    """Stores events of runs."""

    def __init__(self, broker: Broker, events: EventService, *, drain_seconds: float) -> None:
        super().__init__(
            partial(broker.work.consume, EVENTS, self.handle, prefetch=PREFETCH), drain_seconds=drain_seconds
        )
        self._events = events

    async def handle(self, delivery: Delivery) -> Settlement:
        """Store one batch. While the store is unavailable, the queue's delivery limit bounds how long events wait."""
        if not isinstance(delivery.message, EventBatch):
            return Settlement.DEAD_LETTER
        store = partial(self._events.append, delivery.message)
        stored = await is_stored(store, event="events_waiting_for_store", tries=1)
        return Settlement.ACK if stored else Settlement.REDELIVER
