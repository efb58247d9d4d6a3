"""Snapshots in MongoDB: written once, compressed, never changed."""

from typing import Final

from deploy_service.adapters.packing import pack, unpack
from deploy_service.domain.content import Content, Snapshot
from shared.store.client import Store

COLLECTION: Final = "snapshots"


class MongoSnapshots:
    """Implements SnapshotRepository."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    async def put(self, snapshot: Snapshot) -> None:
        """See SnapshotRepository."""
        key = _key(snapshot.workspace_id, snapshot.content.hash)
        if await self._collection.find_one({"_id": key}, {"_id": True}):
            return
        fields = {"created_at": snapshot.created_at, "packed": await pack(snapshot.content.document)}
        await self._collection.update_one({"_id": key}, {"$setOnInsert": fields}, upsert=True)

    async def get(self, workspace_id: str, snapshot_hash: str) -> Content | None:
        """See SnapshotRepository."""
        found = await self._collection.find_one({"_id": _key(workspace_id, snapshot_hash)})
        return Content(await unpack(found["packed"]), snapshot_hash) if found else None


def _key(workspace_id: str, snapshot_hash: str) -> str:
    return f"{workspace_id}/{snapshot_hash}"
