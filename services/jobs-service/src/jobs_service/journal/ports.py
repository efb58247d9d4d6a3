"""What happened in runs: journals of durable ones, events for readers who come later."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.event_log import EventPosition
from shared.contracts.messages import EventBatch
from shared.contracts.work import JournalEntry, JournalPage, JournalPosition


class EventLog(Protocol):
    """Events of runs whose readers may come later, for an hour. Every method raises Unavailable."""

    async def append(self, batches: Sequence[EventBatch]) -> None:
        """Keep these; what is kept already stays as it is."""
        ...

    async def read(
        self, run_id: str, after: EventPosition, *, max_batches: int, max_bytes: int
    ) -> tuple[Sequence[EventBatch], bool]:
        """The batches with events behind `after`, in order, at most so many or one; and whether there may be more."""
        ...


class Journal(Protocol):
    """What happened in durable runs."""

    async def append(self, run_id: str, attempt: int, entries: Sequence[JournalEntry]) -> None:
        """Store entries; those that this attempt has stored before are left as they are."""
        ...

    async def read(self, run_id: str, behind: JournalPosition | None = None) -> JournalPage:
        """A page of entries in order; where two attempts wrote the same one, the later attempt's.

        Raises Unavailable where a lost worker wrote late what would have changed the pages before this one.
        """
        ...

    async def keep(self, run_id: str) -> None:
        """Begin the entries' time anew: the run waits."""
        ...

    async def discard(self, run_ids: Sequence[str]) -> None: ...
