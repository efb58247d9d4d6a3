"""Append-only audit log of one service in its database."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec
from pymongo.errors import PyMongoError

from shared.clock import Clock, SystemClock
from shared.contracts.audit import AuditEntry, AuditPage, AuditQuery, place_at
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.pagination import PER_MS, Cursor, Page, position_of, read_list

COLLECTION: Final = "audit"
INDEXES: Final = (Index(COLLECTION, ascending("workspace_id", "place"), name="place"),)

log = get_logger("audit")


class AuditStore:
    """Audit entries of this service."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._collection = store.collection(COLLECTION)
        self._clock = clock or SystemClock()

    async def add(self, *entries: AuditEntry) -> None:
        """Store `entries`. If the store is unavailable, log them instead: the action has happened."""
        documents = [{"_id": entry.id, **msgspec.to_builtins(entry, builtin_types=_AS_THEY_ARE)} for entry in entries]
        try:
            await self._collection.insert_many(documents)
        except PyMongoError as error:
            for entry in entries:
                log.error("audit_entry_not_stored", entry=msgspec.to_builtins(entry), error=str(error))

    @store_call
    async def find(self, query: AuditQuery) -> AuditPage:
        """Return entries, newest first. Raises Unavailable."""
        filters = list(_filters(query))
        others = [*([] if query.before is None else [{"place": {"$lt": query.before}}]), *filters]

        async def look(bounds: Document, most: int) -> Sequence[Document]:
            within = {"place": _place_bounds(bounds)} if bounds else {}
            stages: list[Document] = [
                {"$match": {"workspace_id": query.workspace_id, **within}},
                *([{"$match": {"$and": others}}] if others else []),
                {"$sort": {"place": -1}},
                {"$limit": most},
            ]
            found = await (await self._collection.aggregate(stages)).to_list()
            return [{**document, "position": _position(document["place"])} for document in found]

        page = Page(limit=query.limit, after=None if query.before is None else _behind(query.before))
        newest = position_of(self._clock.now(), 0)
        found, after = await read_list(
            self._store, look, page, newest=newest, is_filtered=bool(filters), clock=self._clock.monotonic
        )
        entries = [msgspec.convert(document, AuditEntry) for document in found]
        return AuditPage(entries, None if after is None else place_at(_micros(after.at), after.key))


_AS_THEY_ARE: Final = (datetime,)
_MICROS_PER_MS: Final = 1000


def _filters(query: AuditQuery) -> Iterator[Document]:
    named = {"action": query.action, "actor.id": query.actor_id, "target_id": query.target_id}
    yield from ({name: value} for name, value in named.items() if value is not None)


def _place_bounds(bounds: Document) -> Document:
    """Return bounds on positions as bounds on places."""
    found: Document = {}
    if "$gte" in bounds:
        found["$gte"] = place_at(_micros(bounds["$gte"]))
    if "$lt" in bounds:
        found["$lt"] = place_at(_micros(bounds["$lt"]))
    return found


def _position(place: str) -> int:
    """Return the position: microseconds order entries within one millisecond."""
    ms, order = divmod(int(place.partition("-")[0]), _MICROS_PER_MS)
    return ms * PER_MS + order


def _micros(position: int) -> int:
    """Return the first microsecond at or after a position."""
    ms, order = divmod(position, PER_MS)
    return ms * _MICROS_PER_MS + min(order, _MICROS_PER_MS)


def _behind(place: str) -> Cursor:
    return Cursor(_position(place), place.partition("-")[2])
