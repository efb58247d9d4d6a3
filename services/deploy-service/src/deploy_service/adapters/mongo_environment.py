"""Sealed environment values in MongoDB."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from deploy_service.domain.environment import EnvironmentEntry
from shared.security.rotation import SealedValue
from shared.security.sealed import Sealed
from shared.store.client import Document, Index, Store, by
from shared.store.errors import store_call

COLLECTION: Final = "environment"
INDEXES: Final = (
    Index(COLLECTION, by("workspace_id", "name"), name="workspace"),
    Index(COLLECTION, by("sealed.key_id"), name="key"),
)


class MongoEnvironment:
    """Implements EnvironmentRepository and SealedValues."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    @store_call
    async def entries(self, workspace_id: str) -> Sequence[EnvironmentEntry]:
        """See EnvironmentRepository."""
        found = self._collection.find({"workspace_id": workspace_id}).sort("name", 1)
        return [_entry(document) async for document in found]

    @store_call
    async def put(self, entry: EnvironmentEntry, *, at_most: int) -> bool:
        """See EnvironmentRepository."""
        key, change = {"_id": _key(entry.workspace_id, entry.name)}, {"$set": asdict(entry)}
        replaced = await self._collection.update_one(key, change)
        if replaced.matched_count == 1:
            return True
        if await self._collection.count_documents({"workspace_id": entry.workspace_id}) >= at_most:
            return False
        await self._collection.update_one(key, change, upsert=True)
        return True

    @store_call
    async def delete(self, workspace_id: str, name: str) -> bool:
        """See EnvironmentRepository."""
        result = await self._collection.delete_one({"_id": _key(workspace_id, name)})
        return result.deleted_count == 1

    @store_call
    async def sealed_with_other_keys(self, key_id: str, after: str, limit: int) -> Sequence[SealedValue]:
        """See SealedValues."""
        foreign = {"sealed.key_id": {"$ne": key_id}, "_id": {"$gt": after}}
        found = self._collection.find(foreign).sort("_id", 1).limit(limit)
        return [_sealed(document) async for document in found]

    @store_call
    async def reseal(self, value: SealedValue, sealed: Sealed) -> None:
        """See SealedValues."""
        held = {"_id": value.id, "sealed.nonce": value.sealed.nonce}
        await self._collection.update_one(held, {"$set": {"sealed": asdict(sealed)}})


def _key(workspace_id: str, name: str) -> str:
    return f"{workspace_id}/{name}"


def _entry(document: Document) -> EnvironmentEntry:
    return EnvironmentEntry(
        workspace_id=document["workspace_id"],
        name=document["name"],
        sealed=Sealed(**document["sealed"]),
        updated_at=document["updated_at"],
        updated_by=document["updated_by"],
    )


def _sealed(document: Document) -> SealedValue:
    return SealedValue(
        id=document["_id"],
        workspace_id=document["workspace_id"],
        name=document["name"],
        sealed=Sealed(**document["sealed"]),
    )
