"""Storage of the events of runs."""

from collections.abc import Sequence
from typing import Final

from jobs_service.journal.ports import EventRepository
from jobs_service.views.ports import RunViewRepository
from shared.batching import Batcher
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.messages import EventBatch
from shared.errors import NotFound

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
