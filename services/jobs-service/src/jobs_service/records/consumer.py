"""Consumer of `runs.records`. A message is settled only after its records are stored."""

from functools import partial
from typing import Final

from jobs_service import metrics
from jobs_service.consumer import QueueConsumer, is_stored
from jobs_service.records.service import Record, RecordService
from jobs_service.runs.endings import outcome_phase
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.queue_topology import RECORDS
from shared.contracts.messages import RecordBatch, RunBegan
from shared.errors import InvalidRequest
from shared.observe.logging import get_logger

log = get_logger("records")
PREFETCH: Final = 32


class RecordsConsumer(QueueConsumer):
    """Stores records of attached runs."""

    def __init__(self, broker: Broker, records: RecordService, *, drain_seconds: float) -> None:
        super().__init__(
            partial(broker.work.consume, RECORDS, self.handle, prefetch=PREFETCH), drain_seconds=drain_seconds
        )
        self._records = records

    async def handle(self, delivery: Delivery) -> Settlement:
        """Store one batch of records; while the store is unavailable, wait before redelivery."""
        if not isinstance(delivery.message, RecordBatch):
            return Settlement.DEAD_LETTER
        records = [record for record in delivery.message.records if _is_valid(record)]
        if not await is_stored(partial(self._records.write, records), event="records_waiting_for_store"):
            return Settlement.REDELIVER
        metrics.RECORDS.inc(len(records))
        is_whole = len(records) == len(delivery.message.records)
        return Settlement.ACK if is_whole else Settlement.DEAD_LETTER


def _is_valid(record: Record) -> bool:
    if isinstance(record, RunBegan):
        return True
    try:
        outcome_phase(record.outcome.status)
    except InvalidRequest:
        log.error("record_outcome_invalid", run_id=record.run.run_id)
        return False
    return True
