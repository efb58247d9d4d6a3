"""Sends records of attached runs to jobs-service in batches, without delaying runs."""

import asyncio
from collections import deque
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace
from prometheus_client import Counter

from executor_service.adapters.publish_retries import publish_with_retries
from executor_service.ports import Payloads
from shared.broker.ports import WorkQueue
from shared.broker.queue_topology import RECORDS
from shared.contracts.messages import RecordBatch, RunBegan, RunRecorded, storable
from shared.errors import FlowportError, PayloadTooLarge
from shared.observe.logging import get_logger
from shared.security.current_ticket import current_ticket, using_ticket

BATCH_RECORDS: Final = 64
BACKLOG_RECORDS: Final = 10_000
BACKLOG_BYTES: Final = 64 * 1024 * 1024
GATHER_SECONDS: Final = 0.05
"""How long a record waits for others: a batch costs the store a fraction of single writes."""
STOP_SECONDS: Final = 2.0
PUBLISH_TRIES: Final = 100
"""Twenty seconds at most. No run waits for a record, and the backlog is bounded."""

RECORDS_DROPPED = Counter(
    "flowport_executor_records_dropped_total", "Run records dropped: the queue was full, or the record too large."
)
_encode: Final = msgspec.json.Encoder().encode
log = get_logger("record_outbox")

Record = RunBegan | RunRecorded


class _QueuedRecord(NamedTuple):
    """A record and its run's ticket, which is needed to store parts that exceed a message."""

    record: Record
    ticket: str
    size: int


class RecordOutbox:
    """Accepts records without waiting and publishes them in the background, in order."""

    def __init__(self, work: WorkQueue, payloads: Payloads) -> None:
        self._work = work
        self._payloads = payloads
        self._backlog: deque[_QueuedRecord] = deque()
        self._bytes = 0
        self._added = asyncio.Event()
        self._in_progress = 0
        self._is_stopping = False
        self._publisher: asyncio.Task[None] | None = None

    def put(self, record: Record, *, log_bytes: int = 0) -> None:
        """Add a record with blocks of `log_bytes`; drop and count it if the backlog is full."""
        record = storable(record)
        size = _size(record, log_bytes)
        if len(self._backlog) >= BACKLOG_RECORDS or self._bytes + size > BACKLOG_BYTES:
            RECORDS_DROPPED.inc()
            return
        self._backlog.append(_QueuedRecord(record, current_ticket(), size))
        self._bytes += size
        self._added.set()

    async def start(self) -> None:
        """Start publishing."""
        self._publisher = asyncio.create_task(self._publish_until_stopped(), name="record-outbox")

    async def stop(self) -> None:
        """Publish waiting records, as far as time allows, and stop."""
        if self._publisher is None:
            return
        self._is_stopping = True
        self._added.set()
        await asyncio.wait({self._publisher}, timeout=STOP_SECONDS)
        if left := len(self._backlog) + self._in_progress:
            RECORDS_DROPPED.inc(left)
            log.warning("run_records_unpublished", count=left)
        self._publisher.cancel()
        await asyncio.gather(self._publisher, return_exceptions=True)

    async def _publish_until_stopped(self) -> None:
        while self._backlog or not self._is_stopping:
            await self._added.wait()
            self._added.clear()
            while self._backlog:
                records = tuple(self._backlog.popleft() for _ in range(min(len(self._backlog), BATCH_RECORDS)))
                self._in_progress = len(records)
                try:
                    await self._publish(records)
                except Exception:  # on any error: nothing would restart the publisher
                    RECORDS_DROPPED.inc(len(records))
                    log.exception("run_records_dropped", count=len(records))
                self._in_progress = 0
                self._bytes -= sum(queued.size for queued in records)
                if not self._is_stopping:
                    await asyncio.sleep(GATHER_SECONDS)

    async def _publish(self, records: tuple["_QueuedRecord", ...]) -> None:
        try:
            await self._publish_with_retries(tuple(queued.record for queued in records))
        except PayloadTooLarge:
            if len(records) > 1:
                for queued in records:
                    await self._publish((queued,))
            else:
                await self._publish_small(records[0].record, records[0].ticket)

    async def _publish_small(self, record: Record, ticket: str) -> None:
        try:
            with using_ticket(ticket):
                bare = await self._strip_blocks(record)
            await self._publish_with_retries((bare,))
        except PayloadTooLarge as error:  # later records must not be lost with it
            RECORDS_DROPPED.inc()
            log.warning("run_record_too_large", run_id=record.run.run_id, error=error.message)

    async def _publish_with_retries(self, records: tuple[Record, ...]) -> None:
        if not await publish_with_retries(self._work, RECORDS, RecordBatch(records), tries=PUBLISH_TRIES):
            RECORDS_DROPPED.inc(len(records))
            log.warning("run_records_dropped", count=len(records))

    async def _strip_blocks(self, record: Record) -> Record:
        """Return a record that fits into one message; its blocks are stored separately.

        If that fails, they are lost: a run's outcome matters more than its blocks.
        """
        if not isinstance(record, RunRecorded):
            return record
        try:
            stored = await self._payloads.put(record.run.snapshot.workspace_id, _encode(record.blocks))
        except FlowportError as error:
            log.warning("block_logs_dropped", run_id=record.run.run_id, error=error.message)
            stored = None
        return replace(record, blocks=(), stored_blocks=stored)


def _size(record: Record, log_bytes: int) -> int:
    """Return the approximate size of a record without encoding it."""
    values = [record.run.input]
    if isinstance(record, RunRecorded):
        values += [value for value in (record.outcome.output, record.outcome.output.logged) if value]
        log_bytes = log_bytes if record.blocks else 0
    return log_bytes + sum(len(bytes(value.inline)) for value in values)
