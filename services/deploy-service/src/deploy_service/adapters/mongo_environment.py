"""Encrypted environment values in MongoDB."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Final

from deploy_service.domain.environment import EnvironmentEntry
from shared.bounded_inserts import BoundedInserts
from shared.contracts.deployments import EnvironmentName
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.sealed_documents import SealedDocuments, read_sealed

COLLECTION: Final = "environment"
INDEXES: Final = (
    Index(COLLECTION, ascending("workspace_id", "name"), name="workspace"),
    Index(COLLECTION, ascending("sealed.key_id"), name="key"),
)


class MongoEnvironment:
    """Encrypted environment values."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)
        self._bounded = BoundedInserts()

    @store_call
    async def entries(self, workspace_id: str, names: Collection[str] | None = None) -> Sequence[EnvironmentEntry]:
        """Return a workspace's entries with these names, or all, in order."""
        of_workspace: Document = {"workspace_id": workspace_id}
        wanted = of_workspace if names is None else {"_id": {"$in": [_key(workspace_id, name) for name in names]}}
        found = self._collection.find(wanted).sort("name", 1)
        return [_entry(document) async for document in found]

    @store_call
    async def names(self, workspace_id: str) -> Sequence[EnvironmentName]:
        """Return the names in order, without reading values."""
        projection = {"_id": False, "name": True, "updated_at": True, "updated_by": True}
        found = self._collection.find({"workspace_id": workspace_id}, projection).sort("name", 1)
        return [EnvironmentName(**document) async for document in found]

    @store_call
    async def put(self, entry: EnvironmentEntry, *, limit: int) -> bool:
        """Store or replace an entry; False if the workspace has `limit` others."""
        key, fields = {"_id": _key(entry.workspace_id, entry.name)}, asdict(entry)
        replaced = await self._collection.update_one(key, {"$set": fields})
        if replaced.matched_count == 1:
            return True
        query = {**key, "sealed": fields["sealed"]}  # only this value, not a concurrent replacement
        added = await self._bounded.insert(
            entry.workspace_id,
            limit,
            count=lambda: self._collection.count_documents({"workspace_id": entry.workspace_id}),
            insert=lambda: self._collection.update_one(key, {"$set": fields}, upsert=True),
            delete=lambda _: self._collection.delete_one(query),
        )
        return added is not None

    @store_call
    async def delete(self, workspace_id: str, name: str) -> bool:
        """Delete an entry; return whether it existed."""
        result = await self._collection.delete_one({"_id": _key(workspace_id, name)})
        return result.deleted_count == 1


def sealed_entries(store: Store) -> SealedDocuments:
    """Return the values of all workspaces."""
    return SealedDocuments(store.collection(COLLECTION), "sealed", lambda entry: (entry["workspace_id"], entry["name"]))


def _key(workspace_id: str, name: str) -> str:
    return f"{workspace_id}/{name}"


def _entry(document: Document) -> EnvironmentEntry:
    return EnvironmentEntry(
        workspace_id=document["workspace_id"],
        name=document["name"],
        sealed=read_sealed(document["sealed"]),
        updated_at=document["updated_at"],
        updated_by=document["updated_by"],
    )
