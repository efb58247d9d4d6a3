"""The audit log of one service in its own database: written once, never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo.errors import PyMongoError

from shared.contracts.audit import AuditEntry, AuditQuery
from shared.observe.logging import get_logger
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, by

COLLECTION: Final = "audit"
INDEXES: Final = (Index(COLLECTION, by("workspace_id", "place"), name="place"),)

log = get_logger("audit")


class AuditStore:
    """Entries of this service's deeds."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    async def add(self, *entries: AuditEntry) -> None:
        """Keep `entries`. The deed is done: where the store is away, the log of the process has them instead."""
        documents = [{"_id": entry.id, **msgspec.to_builtins(entry, builtin_types=_AS_THEY_ARE)} for entry in entries]
        try:
            await self._collection.insert_many(documents)
        except PyMongoError as error:
            for entry in entries:
                log.error("an audit entry is not kept", entry=msgspec.to_builtins(entry), error=str(error))

    @store_call
    async def find(self, query: AuditQuery) -> Sequence[AuditEntry]:
        """Entries, newest first. Raises Unavailable."""
        wanted: Document = {"workspace_id": query.workspace_id}
        if query.before is not None:
            wanted["place"] = {"$lt": query.before}
        named: dict[str, Any] = {
            "action": query.action,
            "actor.id": query.actor_id,
            "target_id": query.target_id,
        }
        wanted |= {name: value for name, value in named.items() if value is not None}
        found = self._collection.find(wanted).sort("place", -1).limit(query.limit)
        return [msgspec.convert(document, AuditEntry) async for document in found]


_AS_THEY_ARE: Final = (datetime,)
