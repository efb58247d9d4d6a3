"""Snapshots in MongoDB: written once, compressed, never changed."""

from datetime import datetime
from typing import Final

from deploy_service.adapters.compression import pack, unpack
from deploy_service.domain.content import Content, Snapshot
from shared.store.client import Store, store_call
from shared.store.indexes import Index, ascending

COLLECTION: Final = "snapshots"
EPHEMERAL: Final = "ephemeral_snapshots"
INDEXES: Final = (Index(EPHEMERAL, ascending("expires_at"), name="end", expire_after_seconds=0),)


class MongoSnapshots:
    """Immutable states by workspace and hash. Raises PayloadTooLarge if a document cannot hold one."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)
        self._ephemeral = store.collection(EPHEMERAL)

    @store_call
    async def put(self, snapshot: Snapshot) -> None:
        """Store a snapshot, idempotently."""
        key = _key(snapshot.workspace_id, snapshot.content.hash)
        if await self._collection.find_one({"_id": key}, {"_id": True}):
            return
        fields = {"created_at": snapshot.created_at, "packed": await pack(snapshot.content.document)}
        await self._collection.update_one({"_id": key}, {"$setOnInsert": fields}, upsert=True)

    @store_call
    async def put_ephemeral(self, snapshot: Snapshot, *, workflow_id: str, until: datetime) -> None:
        """Store a snapshot for this workflow until at least `until`; repetition extends it."""
        key = _key(snapshot.workspace_id, snapshot.content.hash)
        again = {"$max": {"expires_at": until}, "$addToSet": {"workflow_ids": workflow_id}}
        prolonged = await self._ephemeral.update_one({"_id": key}, again)
        if prolonged.matched_count == 0:
            fields = {"expires_at": until, "packed": await pack(snapshot.content.document)}
            new = {"$setOnInsert": fields, "$addToSet": {"workflow_ids": workflow_id}}
            await self._ephemeral.update_one({"_id": key}, new, upsert=True)

    @store_call
    async def get(self, workspace_id: str, snapshot_hash: str) -> Content | None:
        """Return the content with this hash."""
        key = {"_id": _key(workspace_id, snapshot_hash)}
        found = await self._collection.find_one(key) or await self._ephemeral.find_one(key)
        return Content(await unpack(found["packed"]), snapshot_hash) if found else None


def _key(workspace_id: str, snapshot_hash: str) -> str:
    return f"{workspace_id}/{snapshot_hash}"
