"""Results of finished blocks, for later attempts."""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from jobs_service.runs.documents import DISCARDS_JOURNAL, KEEPS_JOURNAL, RUNS, LoadedRun, RunRepository
from jobs_service.runs.rules import expires_soon, require_held, unknown_run
from jobs_service.runs.run import Phase, Rules, Run
from jobs_service.store import insert_new
from shared.batching import batches
from shared.clock import Clock
from shared.contracts.claims import AppendJournal, JournalEntry, JournalPage, JournalPosition
from shared.contracts.event_pages import EventPosition
from shared.contracts.messages import EventBatch
from shared.errors import PayloadTooLarge, Unavailable
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending


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


MAX_WAITING: Final = 10_000
AT_ONCE: Final = 500
ROUNDING: Final = timedelta(minutes=1)
"""Journals may outlive their runs by this much, so that one statement dates many of them."""


class JournalCleaner:
    """Journals of ended runs. Those lost in a crash or under load expire in the store."""

    def __init__(self, journal: JournalRepository) -> None:
        self._journal = journal
        self._run_ids: list[str] = []
        self._kept: list[tuple[str, datetime]] = []

    def end_journal(self, run: Run) -> None:
        """Schedule an ended run's journal for deletion, or for its expiry with the run if it can be repaired."""
        if not run.has_kept_journal or run.expires_at is None:
            self.discard_journal(run.id)
        elif len(self._kept) < MAX_WAITING:
            self._kept.append((run.id, run.expires_at))

    def discard_journal(self, run_id: str) -> None:
        """Schedule a journal for deletion."""
        if len(self._run_ids) < MAX_WAITING:
            self._run_ids.append(run_id)

    async def step(self) -> None:
        """Discard or date the scheduled journals. Raises Unavailable."""
        while self._run_ids:
            await self._journal.discard(self._run_ids[:AT_ONCE])
            del self._run_ids[:AT_ONCE]
        while self._kept:
            await self._date(self._kept[:AT_ONCE])
            del self._kept[:AT_ONCE]

    async def _date(self, kept: Sequence[tuple[str, datetime]]) -> None:
        by_expiry: defaultdict[datetime, list[str]] = defaultdict(list)
        for run_id, expires_at in kept:
            by_expiry[_rounded_up(expires_at)].append(run_id)
        for expires_at, run_ids in by_expiry.items():
            await self._journal.expire(run_ids, expires_at)


def _rounded_up(moment: datetime) -> datetime:
    minute = moment.replace(second=0, microsecond=0)
    return minute if minute == moment else minute + ROUNDING


_ENDED: Final = [phase.value for phase in Phase if phase.is_terminal]


class FailedRunJournals:
    """Deletes the journals of a workflow's failed runs."""

    def __init__(self, store: Store, journal: JournalRepository) -> None:
        self._runs = store.collection(RUNS)
        self._journal = journal

    @store_call
    async def discard(self, workspace_id: str, workflow_id: str) -> None:
        """Delete the journals of failed runs; runs in progress will not keep theirs.

        Runs are marked first, so that a repeated call continues after a crash. The revision changes, so that a run
        that ends at this moment reads the mark.
        """
        owner: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        mark = {"$set": {KEEPS_JOURNAL: False, DISCARDS_JOURNAL: True}, "$inc": {"revision": 1}}
        await self._runs.update_many({**owner, KEEPS_JOURNAL: True}, mark)
        ended = {**owner, DISCARDS_JOURNAL: True, "phase": {"$in": _ENDED}}
        while found := await self._runs.find(ended, {"_id": 1}).limit(AT_ONCE).to_list():
            run_ids = [each["_id"] for each in found]
            await self._journal.discard(run_ids)
            await self._runs.update_many({"_id": {"$in": run_ids}}, {"$unset": {DISCARDS_JOURNAL: 1}})


MAX_ENTRY_BYTES: Final = 15 * 1024 * 1024
"""An entry is one document, limited to 16 MiB."""


class JournalService:
    """The journal, fenced by the attempt.

    An acknowledged append leaves the worker enough of its lease to continue, even if earlier renewals failed, so that
    no other worker takes over.
    """

    def __init__(self, runs: RunRepository, journal: JournalRepository, rules: Rules) -> None:
        self._runs = runs
        self._journal = journal
        self._rules = rules

    async def append(self, run_id: str, appended: AppendJournal) -> None:
        """Store journal entries. Raises StaleAttempt, PayloadTooLarge.

        The attempt is checked after the entries are stored, so that later attempts read every acknowledged entry.
        """
        if any(len(bytes(entry.data)) > MAX_ENTRY_BYTES for entry in appended.entries):
            raise PayloadTooLarge(f"A journal entry can have at most {MAX_ENTRY_BYTES} bytes")
        await self._journal.append(run_id, appended.attempt, appended.entries)
        loaded = await self._held(run_id, appended.attempt)
        if expires_soon(loaded.run, loaded.now, self._rules) and not await self._runs.renew(run_id, appended.attempt):
            await self._held(run_id, appended.attempt)  # canceled, or just claimed by another worker

    async def page(self, run_id: str, attempt: int, after: JournalPosition) -> JournalPage:
        """Return the journal page behind an entry. Raises StaleAttempt, Unavailable.

        The attempt is checked after the entries are read: an ended run's journal may be partly deleted.
        """
        page = await self._journal.read(run_id, after)
        await self._held(run_id, attempt)
        return page

    async def _held(self, run_id: str, attempt: int) -> LoadedRun:
        loaded = await self._runs.load(run_id)
        if loaded is not None and loaded.run.has_kept_journal and loaded.run.expires_at is not None:
            await self._journal.expire([run_id], loaded.run.expires_at)
        elif loaded is None or loaded.run.phase.is_terminal:
            # The run is deleted, or will be: no later cleanup would find these entries.
            await self._journal.discard([run_id])
        if loaded is None:
            raise unknown_run(run_id, attempt)
        require_held(loaded.run, attempt)
        return loaded
