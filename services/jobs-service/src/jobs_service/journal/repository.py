"""The journal: one document per entry, which later attempts never overwrite."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Final

import msgspec

from jobs_service.store.inserts import insert_new
from shared.batching import batches
from shared.clock import Clock
from shared.contracts.claims import JournalEntry, JournalPage, JournalPosition
from shared.errors import Unavailable
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

JOURNAL: Final = "journal"
ABANDONED_SECONDS: Final = 400 * 24 * 3600
"""Entries are deleted when their run ends. This deletes those that a crash left, later than any pause."""
PAGE_BYTES: Final = 4 * 1024 * 1024
"""A single entry may be larger."""
ENTRY_BYTES: Final = 64
"""Size of an entry besides its data."""
FIRST_SPAN: Final = 2
SPAN_GROWTH: Final = 8
"""Growth of the ranges in which a page is read.

SecantusDB reads all that a query matches, however little is used; MongoDB a batch of up to 16 MB, several pages.
Growing ranges avoid both.
"""
INDEXES: Final = (
    Index(JOURNAL, ascending("run_id", "index", "attempt")),
    Index(JOURNAL, ascending("written_at"), expire_after_seconds=ABANDONED_SECONDS),
    Index(JOURNAL, ascending("expires_at"), expire_after_seconds=0),
)
_START: Final = JournalPosition(-1, 0)
_INHERITED: Final = 0
"""Attempt of inherited entries. The first attempt of a run is 1."""


class MongoJournal:
    """Implements JournalRepository. `clock` dates entries for the cleanup, where minutes do not matter."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._entries = store.collection(JOURNAL)
        self._clock = clock

    @store_call
    async def append(self, run_id: str, attempt: int, entries: Sequence[JournalEntry]) -> None:
        now = self._clock.now()
        await insert_new(self._entries, [_document(run_id, attempt, entry, now) for entry in entries])

    @store_call
    async def read(self, run_id: str, after: JournalPosition | None = None) -> JournalPage:
        at = after or _START
        entries: list[JournalEntry] = []
        room, span = PAGE_BYTES, FIRST_SPAN
        while True:
            end = at.index + span
            async with aclosing(self._valid_entries(run_id, at, end)) as valid:
                async for entry, attempt in valid:
                    room -= len(bytes(entry.data)) + ENTRY_BYTES
                    if room < 0 and entries:
                        return JournalPage(tuple(entries), at)
                    entries.append(entry)
                    at = JournalPosition(entry.index, attempt)
            if at.index < end:
                return JournalPage(tuple(entries))
            span *= SPAN_GROWTH

    @store_call
    async def extend_retention(self, run_id: str) -> None:
        await self._entries.update_many({"run_id": run_id}, {"$set": {"written_at": self._clock.now()}})

    @store_call
    async def expire(self, run_ids: Sequence[str], at: datetime) -> None:
        await self._entries.update_many({"run_id": {"$in": list(run_ids)}}, {"$set": {"expires_at": at}})

    @store_call
    async def inherit(self, run_id: str, entries: Sequence[JournalEntry], expires_at: datetime) -> None:
        now = self._clock.now()
        documents = [_document(run_id, _INHERITED, entry, now) | {"expires_at": expires_at} for entry in entries]
        for group in batches(documents, weigh=lambda each: len(each["data"]), max_weight=PAGE_BYTES):
            await insert_new(self._entries, group)

    @store_call
    async def keep_inherited(self, run_id: str) -> int:
        inherited = {"run_id": run_id, "attempt": _INHERITED}
        return (await self._entries.update_many(inherited, {"$unset": {"expires_at": 1}})).matched_count

    @store_call
    async def discard(self, run_ids: Sequence[str]) -> None:
        await self._entries.delete_many({"run_id": {"$in": list(run_ids)}})

    async def _valid_entries(
        self, run_id: str, after: JournalPosition, end: int
    ) -> AsyncGenerator[tuple[JournalEntry, int], None]:
        """Return the valid entries up to `end`, and their attempts.

        After an attempt diverges, earlier attempts' entries are skipped.
        """
        at = after
        span = {"$gte": at.index + 1, "$lt": end + 1}  # no `$lte`, see shared.store.pagination
        wanted = {"run_id": run_id, "index": span}
        async with self._entries.find(wanted).sort([("index", 1), ("attempt", 1)]) as found:
            async for document in _latest(found):
                if document["index"] != at.index + 1 or document["attempt"] < at.attempt:
                    return
                if document["attempt"] > at.attempt > 0:
                    await self._require_written_in_order(document)
                at = JournalPosition(document["index"], document["attempt"])
                yield JournalEntry(at.index, document["kind"], msgspec.Raw(document["data"])), at.attempt

    async def _require_written_in_order(self, document: Document) -> None:
        """Raise Unavailable if the attempt also has the entry before: its lost worker wrote it during this read."""
        before = _id(document["run_id"], document["attempt"], document["index"] - 1)
        if await self._entries.find_one({"_id": before}, {"_id": 1}) is not None:
            raise Unavailable(f"The journal of run {document['run_id']} changed while it was read. Try again.")


def _id(run_id: str, attempt: int, index: int) -> str:
    return f"{run_id}/{attempt}/{index}"


def _document(run_id: str, attempt: int, entry: JournalEntry, now: datetime) -> Document:
    return {
        "_id": _id(run_id, attempt, entry.index),
        "run_id": run_id,
        "attempt": attempt,
        "index": entry.index,
        "kind": entry.kind,
        "data": bytes(entry.data),
        "written_at": now,
    }


async def _latest(documents: AsyncIterator[Document]) -> AsyncIterator[Document]:
    """Return the last attempt's entry of each index."""
    latest: Document | None = None
    async for document in documents:
        if latest is not None and latest["index"] != document["index"]:
            yield latest
        latest = document
    if latest is not None:
        yield latest
