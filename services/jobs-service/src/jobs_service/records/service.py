"""Stores records of attached runs in batches."""

from collections.abc import Iterable, Sequence
from typing import Final

from jobs_service.cancels.service import CancelService
from jobs_service.payloads.service import Payloads
from jobs_service.records.ports import RecordedRun, RecordRepository
from jobs_service.runs.ports import RunResult
from jobs_service.runs.words import NO_WORDS, words_of
from shared.batching import Batcher
from shared.contracts.messages import RunBegan, RunRecorded

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
