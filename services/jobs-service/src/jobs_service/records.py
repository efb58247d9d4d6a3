"""Records that executors send of attached runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from pymongo import UpdateOne

from jobs_service import metrics
from jobs_service.cancels import CancelService
from jobs_service.consumer import QueueConsumer, is_stored
from jobs_service.payloads import Payloads
from jobs_service.runs.documents import (
    NO_HOOKS,
    PENDING_NOTICE,
    RUNS,
    RunHooks,
    RunRepository,
    RunResult,
    new_document,
    order_of_attached,
    result_fields,
)
from jobs_service.runs.rules import finish_attached, outcome_phase, start_attached
from jobs_service.runs.run import Phase, Rules, Run
from jobs_service.runs.words import NO_WORDS, words_of
from jobs_service.spend import OPEN, MongoCharges
from jobs_service.store import from_ms, insert_new, now_ms
from shared.batching import Batcher
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.queue_topology import RECORDS
from shared.contracts.messages import RecordBatch, RunBegan, RunRecorded
from shared.contracts.runs import Usage
from shared.errors import InvalidRequest
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A record of an attached run, with its result once it has ended."""

    record: RunBegan | RunRecorded
    result: RunResult | None = None


class RecordRepository(Protocol):
    """Records of attached runs."""

    async def write(self, records: Sequence[RecordedRun]) -> None:
        """Store records; ended runs stay unchanged."""


_FIXED: Final = ("_id", "workspace_id", "revision")


class MongoRecords:
    """Implements RecordRepository."""

    def __init__(self, store: Store, rules: Rules, hooks: RunHooks = NO_HOOKS) -> None:
        self._hooks = hooks
        self._store = store
        self._runs = store.collection(RUNS)
        self._charges = MongoCharges(store)
        self._rules = rules

    @store_call
    async def write(self, records: Sequence[RecordedRun]) -> None:
        now = from_ms(await now_ms(self._store))
        runs = [(self._run(each, now), each) for each in records]
        charged = [run.id for run, each in runs if each.result is not None and each.result.usage != Usage()]
        charge_id = await self._charges.open(charged, now) if charged else None
        documents = [self._fields(run, each, charge_id) | {"revision": 1} for run, each in runs]
        known = await insert_new(self._runs, documents)  # costs a fraction of an update
        ended = known - await self._still_open(known)
        updates = [self._update(run, each, charge_id) for run, each in runs if run.id in known - ended]
        if updates:
            await self._runs.bulk_write(updates, ordered=False)
        for run, each in runs:
            if run.id not in ended:
                self._hooks.observe(run, each.result)

    async def _still_open(self, run_ids: set[str]) -> set[str]:
        if not run_ids:
            return set()
        found = await self._runs.find({"_id": {"$in": list(run_ids)}, "phase": {"$in": OPEN}}, {"_id": 1}).to_list()
        return {document["_id"] for document in found}

    def _update(self, run: Run, each: RecordedRun, charge_id: str | None) -> UpdateOne:
        """Return an update of a run that is attached and has not ended."""
        is_start = isinstance(each.record, RunBegan)
        replaceable = [Phase.RESERVED.value] if is_start else OPEN
        wanted = {"_id": run.id, "workspace_id": run.workspace_id, "phase": {"$in": replaceable}}
        fields = {name: value for name, value in self._fields(run, each, charge_id).items() if name not in _FIXED}
        change: Document = {"$set": fields, "$inc": {"revision": 1}}
        if is_start:
            change["$unset"] = {"expires_at": 1}
        return UpdateOne(wanted, change)

    def _run(self, each: RecordedRun, now: datetime) -> Run:
        record = each.record
        return (
            start_attached(record, now) if isinstance(record, RunBegan) else finish_attached(record, now, self._rules)
        )

    def _fields(self, run: Run, each: RecordedRun, charge_id: str | None) -> Document:
        spec = each.record.run
        fields = new_document(run, spec, order=order_of_attached(run.id))
        if run.phase.is_terminal and self._hooks.has_subscribers(run.workspace_id):
            fields |= {PENDING_NOTICE: True, "workflow_name": spec.workflow_name}
        return fields | (result_fields(each.result, charge_id=charge_id) if each.result else {})


MAX_BATCHES: Final = 8
MAX_WAITING: Final = 1_000

Record = RunBegan | RunRecorded


class RecordService:
    """Recorder of attached runs, in batches. The first stored end of a run counts."""

    def __init__(self, records: RecordRepository, payloads: Payloads, cancels: CancelService) -> None:
        self._records = records
        self._payloads = payloads
        self._cancels = cancels
        self.batches = Batcher[Sequence[Record], None](
            self._write_all, max_items=MAX_BATCHES, max_waiting=MAX_WAITING, max_weight=MAX_BATCHES
        )

    async def write(self, records: Sequence[Record]) -> None:
        """Store these records. Raises Unavailable."""
        await self.batches.submit(records)

    async def _write_all(self, batches: Sequence[Sequence[Record]]) -> Sequence[None]:
        latest = _latest(record for batch in batches for record in batch)
        if latest:
            await self._records.write([await self._with_result(record) for record in latest])
            await self._cancels.apply_pending(record.run.run_id for record in latest if isinstance(record, RunBegan))
        return [None] * len(batches)

    async def _with_result(self, record: Record) -> RecordedRun:
        if isinstance(record, RunBegan):
            return RecordedRun(record)
        workspace_id = record.run.snapshot.workspace_id
        result = RunResult(
            output=await self._payloads.fit(workspace_id, record.outcome.output),
            blocks=await self._payloads.pack(workspace_id, record.blocks) if record.blocks else record.stored_blocks,
            usage=record.usage,
            duration_ms=record.outcome.duration_ms,
            words=words_of(workspace_id, record.outcome, record.blocks) if record.run.stores_data else NO_WORDS,
        )
        return RecordedRun(record, result)


def _latest(records: Iterable[Record]) -> list[Record]:
    """Return one record per run: the first end, or else the start."""
    kept: dict[str, Record] = {}
    for record in records:
        known = kept.get(record.run.run_id)
        if known is None or (isinstance(known, RunBegan) and isinstance(record, RunRecorded)):
            kept[record.run.run_id] = record
    return list(kept.values())


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


class Orphans:
    """In a single-process system, attached runs do not survive a restart: all that were in progress are lost."""

    def __init__(self, runs: RunRepository) -> None:
        self._runs = runs

    async def start(self) -> None:
        """Make them overdue, so that the reaper ends them. Raises Unavailable."""
        await self._runs.expire_attached()

    async def stop(self) -> None:
        """Nothing to close."""
