"""Events in MongoDB: one document per received batch, deleted after an hour."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from jobs_service.store.inserts import insert_new
from shared.clock import Clock
from shared.contracts.event_pages import EventPosition
from shared.contracts.messages import EventBatch
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

EVENTS: Final = "events"
LIFETIME_SECONDS: Final = 3600
INDEXES: Final = (
    Index(EVENTS, ascending("run_id", "attempt", "first")),
    Index(EVENTS, ascending("written_at"), expire_after_seconds=LIFETIME_SECONDS),
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventBatch).decode


class MongoEvents:
    """Implements EventRepository. `clock` dates events for their deletion."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._batches = store.collection(EVENTS)
        self._clock = clock

    @store_call
    async def append(self, batches: Sequence[EventBatch]) -> None:
        now = self._clock.now()
        await insert_new(self._batches, [_document(batch, now) for batch in batches])

    @store_call
    async def read(
        self, run_id: str, after: EventPosition, *, max_batches: int, max_bytes: int
    ) -> tuple[Sequence[EventBatch], bool]:
        wanted: Document = {
            "run_id": run_id,
            "$or": [
                {"attempt": after.attempt, "end": {"$gt": after.number}},
                {"attempt": {"$gt": after.attempt}},
            ],
        }
        batches: list[EventBatch] = []
        found = self._batches.find(wanted, {"data": 1}).sort([("attempt", 1), ("first", 1)]).limit(max_batches)
        async with found:
            async for document in found:
                max_bytes -= len(document["data"])
                if max_bytes < 0 and batches:
                    return batches, True
                batches.append(_decode(document["data"]))
        return batches, len(batches) == max_batches


def _document(batch: EventBatch, now: datetime) -> Document:
    return {
        "_id": f"{batch.run_id}/{batch.attempt}/{batch.first}",
        "run_id": batch.run_id,
        "attempt": batch.attempt,
        "first": batch.first,
        "end": batch.first + len(batch.events) - 1,
        "data": _encode(batch),
        "written_at": now,
    }
