"""The books of the queue: one document per workspace and one for all. They change only together with the runs."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import UpdateOne

from jobs_service.adapters.moments import NOW, from_ms, to_ms
from jobs_service.adapters.transactions import Session
from jobs_service.domain.capacity import DEFAULT_CONCURRENCY, Ledger
from jobs_service.domain.drain import Drain
from shared.store.client import Document, Index, Store, by

BOOKS: Final = "queues"
OVERALL: Final = "*"
INDEXES: Final = (Index(BOOKS, by("queued")),)


@dataclass(frozen=True, slots=True)
class OpenBooks:
    """What the books say at one moment."""

    now: datetime
    ledgers: Mapping[str, Ledger]
    overall: Ledger


class Books:
    """Reads and changes the books. `lock` keeps this process from getting in its own way: transactions that overlap
    are undone and repeated."""

    def __init__(self, store: Store) -> None:
        self._documents = store.collection(BOOKS)
        self.lock = asyncio.Lock()

    async def start(self) -> None:
        """Have the document for all, whose reading also tells the store's time."""
        await self._documents.update_one({"_id": OVERALL}, {"$setOnInsert": {"queued": 0}}, upsert=True)

    async def stop(self) -> None:
        """Nothing to close."""

    async def of(self, workspace_ids: Iterable[str], session: Session | None = None) -> OpenBooks:
        """The ledgers of these workspaces."""
        return await self._read({"_id": {"$in": [*workspace_ids, OVERALL]}}, session)

    async def in_use(self, session: Session | None = None) -> OpenBooks:
        """The ledgers of all workspaces that have queued runs."""
        return await self._read({"$or": [{"queued": {"$gt": 0}}, {"_id": OVERALL}]}, session)

    async def write(self, updates: list[UpdateOne], session: Session) -> None:
        """Apply what the methods below return."""
        await self._documents.bulk_write(updates, ordered=False, session=session)

    async def _read(self, query: Document, session: Session | None) -> OpenBooks:
        pipeline: list[Document] = [{"$match": query}, {"$set": {"now_ms": NOW}}]
        documents = await (await self._documents.aggregate(pipeline, session=session)).to_list()
        ledgers = {document["_id"]: _to_ledger(document) for document in documents}
        overall = ledgers.pop(OVERALL)
        return OpenBooks(from_ms(documents[0]["now_ms"]), ledgers, overall)


def joined(workspace_id: str, count: int, concurrency_limit: int | None = None) -> UpdateOne:
    """`count` runs join the queue."""
    update: Document = {"$inc": {"queued": count}}
    if concurrency_limit is not None:
        update["$set"] = {"concurrency_limit": concurrency_limit}
    return UpdateOne({"_id": workspace_id}, update, upsert=True)


def left(workspace_id: str, count: int) -> UpdateOne:
    """`count` waiting runs leave the queue without having been dispatched."""
    return UpdateOne({"_id": workspace_id}, {"$inc": {"queued": -count}})


def moved(workspace_id: str, ledger: Ledger, *, dispatched: int, departed: int, now: datetime) -> UpdateOne:
    """`dispatched` waiting runs were published, and `departed` earlier ones were claimed or cancelled."""
    update: Document = {"$inc": {"queued": -departed, "dispatched": dispatched - departed}}
    if departed:
        update["$set"] = _drained(ledger, departed, now)
    return UpdateOne({"_id": workspace_id}, update)


def departed_overall(overall: Ledger, departed: int, now: datetime) -> UpdateOne:
    """`departed` dispatched runs of all workspaces were claimed or cancelled."""
    update = {"$inc": {"queued": -departed}, "$set": _drained(overall, departed, now)}
    return UpdateOne({"_id": OVERALL}, update)


def corrected(workspace_id: str, *, queued: int, dispatched: int) -> UpdateOne:
    """The counts as they were found among the runs."""
    return UpdateOne({"_id": workspace_id}, {"$set": {"queued": queued, "dispatched": dispatched}}, upsert=True)


def _to_ledger(document: Document) -> Ledger:
    drain: dict[str, Any] | None = document.get("drain")
    return Ledger(
        queued=document.get("queued", 0),
        dispatched=document.get("dispatched", 0),
        concurrency_limit=document.get("concurrency_limit", DEFAULT_CONCURRENCY),
        drain=Drain(drain["level"], from_ms(drain["since_ms"]), from_ms(drain["at_ms"])) if drain else None,
    )


def _drained(ledger: Ledger, departed: int, now: datetime) -> Document:
    drain = (ledger.drain or Drain.starting(now)).after(departed, now)
    return {"drain": {"level": drain.level, "since_ms": to_ms(drain.since), "at_ms": to_ms(drain.at)}}
