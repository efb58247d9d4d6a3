"""The consumer of `runs.records`. A message is settled after its records are stored, never before."""

import asyncio
from typing import Final

from jobs_service import metrics
from jobs_service.application.recording import Record, Recording
from jobs_service.domain.endings import outcome_phase
from shared.broker.ports import Broker, Delivery, Settlement, Subscription
from shared.broker.topology import RECORDS
from shared.contracts.messages import RecordBatch, RunBegan
from shared.errors import InvalidRequest, Unavailable
from shared.observe.logging import get_logger

log = get_logger("records")
PREFETCH: Final = 32
TRIES: Final = 20
PAUSE_SECONDS: Final = 1.0


class RecordsConsumer:
    """Feeds recording, for as long as it runs."""

    def __init__(self, broker: Broker, recording: Recording, *, drain_seconds: float) -> None:
        self._broker = broker
        self._recording = recording
        self._drain_seconds = drain_seconds
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Take messages. Raises BrokerUnavailable."""
        self._subscription = await self._broker.work.consume(RECORDS, self.handle, prefetch=PREFETCH)

    async def stop(self) -> None:
        """Take no more, and store what is in hand."""
        if self._subscription is not None:
            await self._subscription.close(grace=self._drain_seconds)

    async def handle(self, delivery: Delivery) -> Settlement:
        """Store one batch of records; while the store is away, wait for it a while rather than to send it round."""
        if not isinstance(delivery.message, RecordBatch):
            return Settlement.DEAD_LETTER
        records = [record for record in delivery.message.records if _is_sound(record)]
        for _ in range(TRIES):
            try:
                await self._recording.write(records)
            except Unavailable as error:
                log.warning("records wait for the store", error=error.message)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            metrics.RECORDS.inc(len(records))
            is_whole = len(records) == len(delivery.message.records)
            return Settlement.ACK if is_whole else Settlement.DEAD_LETTER
        return Settlement.REDELIVER


def _is_sound(record: Record) -> bool:
    if isinstance(record, RunBegan):
        return True
    try:
        outcome_phase(record.outcome.status)
    except InvalidRequest:
        log.error("a record tells of no outcome", run_id=record.run.run_id)
        return False
    return True
