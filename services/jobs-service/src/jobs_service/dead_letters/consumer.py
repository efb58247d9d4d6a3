"""Consumer of `runs.dead`. A letter is settled only after it is stored."""

from functools import partial
from typing import Final

from jobs_service.consumer import QueueConsumer, is_stored
from jobs_service.dead_letters.service import DeadLetterService
from shared.broker.ports import Broker, DeadLetter, Settlement
from shared.broker.queue_topology import DEAD

PREFETCH: Final = 16


class DeadLettersConsumer(QueueConsumer):
    """Stores dead letters."""

    def __init__(self, broker: Broker, dead_letters: DeadLetterService, *, drain_seconds: float) -> None:
        super().__init__(partial(broker.work.drain, DEAD, self.handle, prefetch=PREFETCH), drain_seconds=drain_seconds)
        self._dead_letters = dead_letters

    async def handle(self, letter: DeadLetter) -> Settlement:
        """Store one letter; while the store is unavailable, wait before redelivery."""
        store = partial(self._dead_letters.store, letter)
        stored = await is_stored(store, event="dead_letter_waiting_for_store")
        return Settlement.ACK if stored else Settlement.REDELIVER
