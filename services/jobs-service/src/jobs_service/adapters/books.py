"""The books of the queue: one document per workspace and one for all.

Each is changed by single updates, which a killed process cannot leave half done. What a killed process can leave is
an offer without an end; see Intake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from jobs_service.adapters.moments import from_ms, to_ms
from jobs_service.domain.capacity import DEFAULT_CONCURRENCY, Ledger, Offer
from jobs_service.domain.drain import Drain
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, by
from shared.store.server_time import with_now
from shared.store.transactions import Session

BOOKS: Final = "queues"
OVERALL: Final = "*"
INDEXES: Final = (Index(BOOKS, by("queued")),)

# Not as one `$or`, and not as `$gt: 0`: for these SecantusDB reads the books of all workspaces.
_SOME: Final[Document] = {"queued": {"$gte": 1}}
_MEDDLED_WITH: Final[Document] = {"queued": {"$lte": -1}}


@dataclass(frozen=True, slots=True)
class OpenBooks:
    """What the books say at one moment."""

    now: datetime
    ledgers: Mapping[str, Ledger]
    overall: Ledger
    offers: Sequence[Offer]


class Books:
    """Reads and changes the books."""

    def __init__(self, store: Store) -> None:
        self._documents = store.collection(BOOKS)

    async def start(self) -> None:
        """Have the document for all, whose reading also tells the store's time."""
        await self._documents.update_one({"_id": OVERALL}, {"$setOnInsert": {"queued": 0}}, upsert=True)

    async def stop(self) -> None:
        """Nothing to close."""

    async def of(self, workspace_ids: Iterable[str]) -> OpenBooks:
        """The ledgers of these workspaces."""
        return await self._read({"_id": {"$in": [*workspace_ids, OVERALL]}})

    @store_call
    async def ledger(self, workspace_id: str) -> tuple[Ledger, datetime]:
        """See Ledgers."""
        books = await self.of([workspace_id])
        return books.ledgers.get(workspace_id, Ledger()), books.now

    async def in_use(self) -> OpenBooks:
        """The ledgers of all workspaces that have queued runs."""
        return await self._read({"_id": OVERALL}, _SOME)

    async def to_check(self, session: Session | None = None) -> OpenBooks:
        """Those in use, and those that cannot be right."""
        return await self._read({"_id": OVERALL}, _SOME, _MEDDLED_WITH, session=session)

    async def offer(self, offer: Offer, limit: int) -> bool:
        """Take places for a batch in all; False where there are not enough any more."""
        room = {"_id": OVERALL, "queued": {"$lte": limit - offer.total}}
        fields = {"at_ms": to_ms(offer.at), "places": dict(offer.places), "runs": list(offer.run_ids)}
        update = {"$inc": {"queued": offer.total}, "$set": {f"offers.{offer.id}": fields}}
        return (await self._documents.update_one(room, update)).matched_count == 1

    async def confirm(self, offer_id: str, *, unused: int, session: Session | None = None) -> bool:
        """The batch is stored, but for `unused` places; False where the offer was withdrawn meanwhile."""
        open_ = {"_id": OVERALL, f"offers.{offer_id}": {"$exists": True}}
        update = {"$unset": {f"offers.{offer_id}": 1}, "$inc": {"queued": -unused}}
        return (await self._documents.update_one(open_, update, session=session)).matched_count == 1

    async def take(self, workspace_id: str, count: int, limit: int, concurrency_limit: int) -> bool:
        """Take places in a workspace's queue; False where there are not enough any more."""
        room = {"_id": workspace_id, "queued": {"$lte": limit - count}}
        update = {"$inc": {"queued": count}, "$set": {"concurrency_limit": concurrency_limit}}
        try:
            await self._documents.update_one(room, update, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    async def give_back(self, departed: Mapping[str, int]) -> None:
        """Places that came free."""
        await self._write([_inc(name, -count) for name, count in departed.items()])

    async def settle(self, departed: Mapping[str, int], books: OpenBooks, term: int) -> None:
        """Runs that left the queue, in the workspaces and in all, unless a later leader keeps the books."""
        updates = [
            _inc(name, -count, term=term, drain=_drained(books.ledgers.get(name), count, books.now))
            for name, count in departed.items()
        ]
        total = sum(departed.values())
        overall = _inc(OVERALL, -total, term=term, drain=_drained(books.overall, total, books.now))
        await self._write([*updates, overall])

    async def correct(self, differences: Mapping[str, int], term: int) -> None:
        """Add what was found missing, unless a later leader keeps the books."""
        await self._write([_inc(name, added, term=term, upsert=True) for name, added in differences.items()])

    async def close_to(self, term: int) -> None:
        """From now on, no earlier leader changes any ledger."""
        await self._documents.update_many({}, {"$max": {"term": term}})

    async def _write(self, updates: list[UpdateOne]) -> None:
        if updates:
            await self._documents.bulk_write(updates, ordered=False)

    async def _read(self, *queries: Document, session: Session | None = None) -> OpenBooks:
        found: dict[str, Document] = {}
        for query in queries:
            pipeline: list[Document] = [{"$match": query}, with_now()]
            documents = await (await self._documents.aggregate(pipeline, session=session)).to_list()
            found |= {document["_id"]: document for document in documents}
        overall = found.pop(OVERALL)
        offers = [_to_offer(name, fields) for name, fields in overall.get("offers", {}).items()]
        ledgers = {name: _to_ledger(document) for name, document in found.items()}
        return OpenBooks(from_ms(overall["now_ms"]), ledgers, _to_ledger(overall), offers)


def _inc(
    name: str, difference: int, *, term: int | None = None, drain: Document | None = None, upsert: bool = False
) -> UpdateOne:
    update: Document = {"$inc": {"queued": difference}}
    if drain is not None:
        update["$set"] = {"drain": drain}
    wanted: Document = {"_id": name}
    if term is not None:
        wanted["term"] = {"$not": {"$gt": term}}
    return UpdateOne(wanted, update, upsert=upsert)


def _to_ledger(document: Document) -> Ledger:
    drain: dict[str, Any] | None = document.get("drain")
    return Ledger(
        queued=document.get("queued", 0),
        concurrency_limit=document.get("concurrency_limit", DEFAULT_CONCURRENCY),
        drain=Drain(drain["level"], from_ms(drain["since_ms"]), from_ms(drain["at_ms"])) if drain else None,
    )


def _to_offer(offer_id: str, fields: Document) -> Offer:
    return Offer(offer_id, from_ms(fields["at_ms"]), fields["places"], fields["runs"])


def _drained(ledger: Ledger | None, departed: int, now: datetime) -> Document:
    known = ledger.drain if ledger else None
    drain = (known or Drain.starting(now)).after(departed, now)
    return {"level": drain.level, "since_ms": to_ms(drain.since), "at_ms": to_ms(drain.at)}
