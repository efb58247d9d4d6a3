"""Storage of journals and of events for late readers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.contracts.claims import JournalEntry, JournalPage, JournalPosition
from shared.contracts.event_pages import EventPosition
from shared.contracts.messages import EventBatch


class EventRepository(Protocol):
    """Events of runs, stored for an hour. Every method raises Unavailable."""

    async def append(self, batches: Sequence[EventBatch]) -> None:
        """Store batches; leave stored ones unchanged."""

    async def read(
        self, run_id: str, after: EventPosition, *, max_batches: int, max_bytes: int
    ) -> tuple[Sequence[EventBatch], bool]:
        """Return the batches with events behind `after`, in order, up to the limits but at least one; and whether more
        may follow.
        """


class JournalRepository(Protocol):
    """Journals of durable runs."""

    async def append(self, run_id: str, attempt: int, entries: Sequence[JournalEntry]) -> None:
        """Store entries; leave those unchanged that this attempt has stored before."""

    async def read(self, run_id: str, after: JournalPosition | None = None) -> JournalPage:
        """Return a page of entries in order; of two attempts' entries, the later attempt's.

        Raises Unavailable if a lost worker's late write would have changed earlier pages.
        """

    async def extend_retention(self, run_id: str) -> None:
        """Restart the retention of a paused run's entries."""

    async def expire(self, run_ids: Sequence[str], at: datetime) -> None:
        """Delete the entries of these runs at this time."""

    async def inherit(self, run_id: str, entries: Sequence[JournalEntry], expires_at: datetime) -> None:
        """Store the entries that a new run continues from, until it is claimed or this time. Idempotent."""

    async def keep_inherited(self, run_id: str) -> int:
        """Keep the inherited entries until the run ends; return how many there are."""

    async def discard(self, run_ids: Sequence[str]) -> None: ...
