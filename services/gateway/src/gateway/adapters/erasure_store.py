"""What is being deleted for good, in the gateway's database, and the gateway's own part of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from gateway.adapters.store_errors import store_errors
from gateway.domain.erasure import Erasure
from shared.store.client import Document, Index, Store, by

ERASURES: Final = "erasures"
KEPT_FOR: Final = timedelta(days=90)
"""How long an erasure that is over can be looked up; the audit log has it for good."""

INDEXES: Final = (
    Index(ERASURES, by("workspace_id")),
    Index(ERASURES, by("due_at"), partial={"is_open": True}),
    Index(ERASURES, by("forgotten_at"), expire_after_seconds=0),
)


class ErasureStore:
    """Implements Erasures."""

    def __init__(self, store: Store) -> None:
        self._erasures = store.collection(ERASURES)
        self._owned = store.collection("workspaces")
        self._first = store.collection("founding")
        self._parts = (store.collection("api_keys"), store.collection("invitations"))

    async def keep_erasure(self, erasure: Erasure) -> None:
        """See Erasures."""
        with store_errors():
            await self._erasures.replace_one({"_id": erasure.id}, _document(erasure), upsert=True)

    async def due_erasures(self, now: datetime, limit: int) -> Sequence[Erasure]:
        """See Erasures."""
        with store_errors():
            found = self._erasures.find({"is_open": True, "due_at": {"$lte": now}}).sort("due_at", 1).limit(limit)
            return [_erasure(document) async for document in found]

    async def erasures(self, workspace_id: str, limit: int) -> Sequence[Erasure]:
        """See Erasures."""
        with store_errors():
            found = self._erasures.find({"workspace_id": workspace_id}).sort("requested_at", -1).limit(limit)
            return [_erasure(document) async for document in found]

    async def is_first(self, workspace_id: str) -> bool:
        """See Erasures."""
        with store_errors():
            return await self._first.find_one({"workspace._id": workspace_id}, {"_id": 1}) is not None

    async def close_workspace(self, workspace_id: str) -> Sequence[str]:
        """See Erasures."""
        keys = self._parts[0]
        with store_errors():
            nobody = {"$set": {"members": []}, "$inc": {"revision": 1}}
            await self._owned.update_one({"_id": workspace_id, "members.0": {"$exists": True}}, nobody)
            hashes = [each["key_hash"] async for each in keys.find({"workspace_id": workspace_id}, {"key_hash": 1})]
            await keys.delete_many({"key_hash": {"$in": hashes}})
        return hashes

    async def erase_workspace(self, workspace_id: str) -> int:
        """See Erasures."""
        with store_errors():
            gone = [(await part.delete_many({"workspace_id": workspace_id})).deleted_count for part in self._parts]
            return sum(gone) + (await self._owned.delete_one({"_id": workspace_id})).deleted_count


def _document(erasure: Erasure) -> Document:
    fields: Document = msgspec.structs.asdict(erasure)
    is_open = erasure.due_at is not None
    forgotten = {} if is_open else {"forgotten_at": erasure.settles_at + KEPT_FOR}
    return {"_id": fields.pop("id"), **fields, "is_open": is_open, **forgotten}


def _erasure(document: Document) -> Erasure:
    return msgspec.convert({**document, "id": document["_id"]}, Erasure)
