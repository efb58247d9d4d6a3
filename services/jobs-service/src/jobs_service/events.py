"""Stored events of runs, for reconnecting readers."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from jobs_service.consumer import QueueConsumer, is_stored
from jobs_service.journal import EventRepository
from jobs_service.run_routes import RunId
from jobs_service.store import insert_new
from jobs_service.views.repository import RunViewRepository
from shared.batching import Batcher
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.queue_topology import EVENTS
from shared.clock import Clock
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.messages import EventBatch
from shared.errors import NotFound
from shared.service import ServiceName
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse

STORED_EVENTS: Final = "events"
LIFETIME_SECONDS: Final = 3600
INDEXES: Final = (
    Index(STORED_EVENTS, ascending("run_id", "attempt", "first")),
    Index(STORED_EVENTS, ascending("written_at"), expire_after_seconds=LIFETIME_SECONDS),
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventBatch).decode


class MongoEvents:
    """Implements EventRepository. `clock` dates events for their deletion."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._batches = store.collection(STORED_EVENTS)
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


MAX_BATCHES: Final = 64
MAX_WAITING: Final = 1_000
PAGE_BATCHES: Final = 200
PAGE_BYTES: Final = 4 * 1024 * 1024


class EventService:
    """Event log of runs. Stores concurrent batches in one write."""

    def __init__(self, log: EventRepository, views: RunViewRepository) -> None:
        self._log = log
        self._views = views
        self.batches = Batcher[EventBatch, None](self._append_all, max_items=MAX_BATCHES, max_waiting=MAX_WAITING)

    async def append(self, batch: EventBatch) -> None:
        """Store a batch; one that is already stored is left unchanged. Raises Unavailable."""
        await self.batches.submit(batch)

    async def read(self, run_id: str, workspace_id: str, after: EventPosition) -> EventLogPage:
        """Return a page of events behind `after`. Raises NotFound, Unavailable.

        The status is read first: if it is terminal, the events read afterwards are complete.
        """
        found = await self._views.by_run_id(run_id, output=False, blocks=False)
        if found is None or found.view.workspace_id != workspace_id:
            raise NotFound("Run not found")
        batches, has_more = await self._log.read(run_id, after, max_batches=PAGE_BATCHES, max_bytes=PAGE_BYTES)
        return EventLogPage(found.view.status, tuple(batches), has_more)

    async def _append_all(self, batches: Sequence[EventBatch]) -> Sequence[None]:
        await self._log.append(batches)
        return [None] * len(batches)


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


def events_router(events: EventService, tokens: ServiceTokens) -> APIRouter:
    """Return the route for a run's events behind a position."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/runs/{run_id}/events")
    async def read(
        run_id: RunId,
        workspace_id: str,
        attempt: Annotated[int, Query(ge=0)] = 0,
        number: Annotated[int, Query(ge=-1)] = -1,
    ) -> Response:
        return StructResponse(await events.read(run_id, workspace_id, EventPosition(attempt, number)))

    return router
