"""Deletes the data of a workflow or a workspace, a bounded number of documents at a time."""

from collections.abc import Sequence
from typing import Final

from deploy_service.adapters import (
    mongo_drafts,
    mongo_environment,
    mongo_publications,
    mongo_snapshots,
    mongo_versions,
    mongo_workflows,
)
from shared.contracts.erasure import Erase
from shared.store.client import Collection, Document, Store, store_call

_PAST_SLASH: Final = "0"
"""The character after `/`: a workspace's keys sort between its id with `/` and with this one."""


class MongoDeletion:
    """Permanent deletion. Returns counts of documents; True if more are left."""

    def __init__(self, store: Store) -> None:
        self._workflows = store.collection(mongo_workflows.COLLECTION)
        self._drafts = store.collection(mongo_drafts.COLLECTION)
        self._published = [store.collection(name) for name in (mongo_publications.CHATS, mongo_publications.AGENTS)]
        self._versions = store.collection(mongo_versions.COLLECTION)
        self._snapshots = store.collection(mongo_snapshots.COLLECTION)
        self._ephemeral = store.collection(mongo_snapshots.EPHEMERAL)
        self._environment = store.collection(mongo_environment.COLLECTION)
        self._tool_servers = store.collection(mongo_publications.TOOL_SERVERS)

    @store_call
    async def workflow_ids(self, request: Erase, limit: int) -> Sequence[str]:
        """Return up to `limit` requested workflows that still exist, even if archived."""
        wanted: Document = {"workspace_id": request.workspace_id}
        if request.workflow_id is not None:
            wanted["_id"] = request.workflow_id
        found = await self._workflows.find(wanted, {"_id": 1}).limit(limit).to_list()
        return [document["_id"] for document in found]

    @store_call
    async def delete_workflow(self, workspace_id: str, workflow_id: str, limit: int) -> tuple[int, bool]:
        """Delete versions, snapshots used only by them, draft, chat, agent, and finally the workflow."""
        query = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        versions = await self._versions.find(query, {"snapshot_hash": 1}).limit(limit).to_list()
        deleted = await self._delete_snapshots(workspace_id, workflow_id, {each["snapshot_hash"] for each in versions})
        deleted += await _delete(self._versions, [each["_id"] for each in versions])
        if len(versions) == limit:
            return deleted, True
        deleted += await self._delete_draft_runs(workspace_id, workflow_id)
        owned = await self._workflows.find_one({"_id": workflow_id}, {"workspace_id": 1})
        if owned is not None and owned["workspace_id"] == workspace_id:
            for published in self._published:
                deleted += (await published.delete_many({"workflow_id": workflow_id})).deleted_count
            deleted += await _delete(self._drafts, [workflow_id])
            deleted += await _delete(self._workflows, [workflow_id])
        return deleted, False

    @store_call
    async def delete_workspace(self, workspace_id: str, limit: int) -> tuple[int, bool]:
        """Delete the remaining data after all workflows."""
        keys = {"_id": {"$gt": f"{workspace_id}/", "$lt": f"{workspace_id}{_PAST_SLASH}"}}
        query = {"workspace_id": workspace_id}
        parts = (
            (self._snapshots, keys),
            (self._ephemeral, keys),
            (self._environment, query),
            (self._tool_servers, query),
            (self._versions, query),
        )
        counts = [await _delete_some(collection, wanted, limit) for collection, wanted in parts]
        return sum(counts), limit in counts

    async def _delete_snapshots(self, workspace_id: str, workflow_id: str, hashes: set[str]) -> int:
        """Delete snapshots, except those used by another workflow's versions: equal states of a workspace share one."""
        others = {
            "workspace_id": workspace_id,
            "snapshot_hash": {"$in": list(hashes)},
            "workflow_id": {"$ne": workflow_id},
        }
        shared = await self._versions.distinct("snapshot_hash", others) if hashes else []
        return await _delete(self._snapshots, [f"{workspace_id}/{each}" for each in hashes - set(shared)])

    async def _delete_draft_runs(self, workspace_id: str, workflow_id: str) -> int:
        """Delete states of draft runs, except those that another workflow has run, too."""
        keys = {"_id": {"$gt": f"{workspace_id}/", "$lt": f"{workspace_id}{_PAST_SLASH}"}}
        await self._ephemeral.update_many(
            {**keys, "workflow_ids": workflow_id}, {"$pull": {"workflow_ids": workflow_id}}
        )
        return (await self._ephemeral.delete_many({**keys, "workflow_ids": []})).deleted_count


async def _delete_some(collection: Collection, wanted: Document, limit: int) -> int:
    found = await collection.find(wanted, {"_id": 1}).limit(limit).to_list()
    return await _delete(collection, [each["_id"] for each in found])


async def _delete(collection: Collection, ids: Sequence[str]) -> int:
    return (await collection.delete_many({"_id": {"$in": list(ids)}})).deleted_count if ids else 0
