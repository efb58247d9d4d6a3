"""The journal: one document per entry, which later attempts never overwrite."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from jobs_service.adapters.inserting import insert_new
from shared.clock import Clock
from shared.contracts.work import JournalEntry
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, by

JOURNAL: Final = "journal"
ABANDONED_SECONDS: Final = 400 * 24 * 3600
"""Entries are deleted with the end of their run; this catches what a crash left behind, past any pause."""
INDEXES: Final = (
    Index(JOURNAL, by("run_id", "index", "attempt")),
    Index(JOURNAL, by("written_at"), expire_after_seconds=ABANDONED_SECONDS),
)


class MongoJournal:
    """Implements Journal. `clock` dates entries for the sweep of what was left behind, where minutes do not matter."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._entries = store.collection(JOURNAL)
        self._clock = clock

    @store_call
    async def append(self, run_id: str, attempt: int, entries: Sequence[JournalEntry]) -> None:
        """See Journal."""
        now = self._clock.now()
        await insert_new(self._entries, [_document(run_id, attempt, entry, now) for entry in entries])

    @store_call
    async def read(self, run_id: str) -> tuple[JournalEntry, ...]:
        """See Journal."""
        found = await self._entries.find({"run_id": run_id}).sort([("index", 1), ("attempt", 1)]).to_list()
        return tuple(_standing(found))

    @store_call
    async def keep(self, run_id: str) -> None:
        """See Journal."""
        await self._entries.update_many({"run_id": run_id}, {"$set": {"written_at": self._clock.now()}})

    @store_call
    async def discard(self, run_ids: Sequence[str]) -> None:
        """See Journal."""
        await self._entries.delete_many({"run_id": {"$in": list(run_ids)}})


def _document(run_id: str, attempt: int, entry: JournalEntry, now: datetime) -> Document:
    return {
        "_id": f"{run_id}/{attempt}/{entry.index}",
        "run_id": run_id,
        "attempt": attempt,
        "index": entry.index,
        "kind": entry.kind,
        "data": bytes(entry.data),
        "written_at": now,
    }


def _standing(documents: Sequence[Document]) -> list[JournalEntry]:
    """One entry per index without gaps: where a later attempt went another way, nothing of an earlier one follows."""
    latest = {document["index"]: document for document in documents}
    standing: list[JournalEntry] = []
    attempt = 0
    while (document := latest.get(len(standing))) is not None and document["attempt"] >= attempt:
        attempt = document["attempt"]
        standing.append(JournalEntry(document["index"], document["kind"], msgspec.Raw(document["data"])))
    return standing
