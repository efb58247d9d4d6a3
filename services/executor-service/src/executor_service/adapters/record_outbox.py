"""What attached runs leave behind, on its way to jobs-service: batched, and never in the way of a run."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace
from prometheus_client import Counter

from executor_service.adapters.patient_publishing import publish_patiently
from executor_service.ports import Payloads
from shared.broker import topology
from shared.broker.ports import WorkQueue
from shared.contracts.messages import RecordBatch, RunBegan, RunRecorded, as_kept
from shared.errors import FlowportError, PayloadTooLarge
from shared.observe.logging import get_logger
from shared.security.presented_ticket import presented_ticket, presenting

BATCH_RECORDS: Final = 64
BACKLOG_RECORDS: Final = 10_000
GATHER_SECONDS: Final = 0.05
"""A record that follows another waits for company: the store takes many at once for a fraction of the price."""
STOP_SECONDS: Final = 2.0
PUBLISH_TRIES: Final = 100
"""Twenty seconds of a broker that is away: it may restart. Nobody waits for a record, and only so many wait here."""

RECORDS_DROPPED = Counter(
    "flowport_executor_records_dropped_total", "Run records dropped: the queue was full, or the record too large."
)
_encode: Final = msgspec.json.Encoder().encode
log = get_logger("record_outbox")

Record = RunBegan | RunRecorded


class _Waiting(NamedTuple):
    """A record, and the ticket of its run: what fits into no message is stored with it."""

    record: Record
    ticket: str


class RecordOutbox:
    """Takes records without waiting and publishes them in the background, in order."""

    def __init__(self, work: WorkQueue, payloads: Payloads) -> None:
        self._work = work
        self._payloads = payloads
        self._backlog: asyncio.Queue[_Waiting] = asyncio.Queue(BACKLOG_RECORDS)
        self._publisher: asyncio.Task[None] | None = None

    def put(self, record: Record) -> None:
        """Take one record; it is dropped, and counted, when the backlog is full."""
        try:
            self._backlog.put_nowait(_Waiting(as_kept(record), presented_ticket()))
        except asyncio.QueueFull:
            RECORDS_DROPPED.inc()

    async def start(self) -> None:
        """Begin to publish."""
        self._publisher = asyncio.create_task(self._publish_forever(), name="record-outbox")

    async def stop(self) -> None:
        """Publish what is waiting, as far as there is time, and end."""
        if self._publisher is None:
            return
        try:
            await asyncio.wait_for(self._backlog.join(), STOP_SECONDS)
        except TimeoutError:
            log.warning("records left behind", count=self._backlog.qsize())
        self._publisher.cancel()
        await asyncio.gather(self._publisher, return_exceptions=True)

    async def _publish_forever(self) -> None:
        while True:
            records = (await self._backlog.get(), *self._further())
            try:
                await self._publish(records)
            except Exception:  # whatever is wrong with these: nobody begins a publisher that ended again
                RECORDS_DROPPED.inc(len(records))
                log.exception("run records dropped", count=len(records))
            finally:
                for _ in records:
                    self._backlog.task_done()
            await asyncio.sleep(GATHER_SECONDS)

    def _further(self) -> Iterator["_Waiting"]:
        for _ in range(min(self._backlog.qsize(), BATCH_RECORDS - 1)):
            yield self._backlog.get_nowait()

    async def _publish(self, records: tuple["_Waiting", ...]) -> None:
        try:
            await self._publish_patiently(tuple(waiting.record for waiting in records))
        except PayloadTooLarge:
            if len(records) > 1:
                for waiting in records:
                    await self._publish((waiting,))
            else:
                await self._publish_bare(*records[0])

    async def _publish_bare(self, record: Record, ticket: str) -> None:
        try:
            with presenting(ticket):
                bare = await self._without_blocks(record)
            await self._publish_patiently((bare,))
        except PayloadTooLarge as error:  # those behind it must not be lost as well
            RECORDS_DROPPED.inc()
            log.warning("a run record fits into no message", run_id=record.run.run_id, error=error.message)

    async def _publish_patiently(self, records: tuple[Record, ...]) -> None:
        if not await publish_patiently(self._work, topology.RECORDS, RecordBatch(records), tries=PUBLISH_TRIES):
            RECORDS_DROPPED.inc(len(records))
            log.warning("run records dropped", count=len(records))

    async def _without_blocks(self, record: Record) -> Record:
        """A record that fits into one message; what its blocks did is kept apart.

        Where that cannot be, it is lost: how the run ended matters more than how it got there.
        """
        if not isinstance(record, RunRecorded):
            return record
        try:
            stored = await self._payloads.put(record.run.snapshot.workspace_id, _encode(record.blocks))
        except FlowportError as error:
            log.warning("block logs dropped", run_id=record.run.run_id, error=error.message)
            stored = None
        return replace(record, blocks=(), stored_blocks=stored)
