"""Workflows in MongoDB: one small document each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from deploy_service.domain.workflow import Live, Workflow
from shared.contracts.recording_policy import RecordingPolicy
from shared.store.client import Document, Store, store_call
from shared.store.documents import known_fields
from shared.store.indexes import Index, ascending

COLLECTION: Final = "workflows"
INDEXES: Final = (
    Index(COLLECTION, ascending("workspace_id", "is_archived", "place"), name="page"),
    Index(COLLECTION, ascending("deleted_at"), name="deleted", partial={"is_archived": True}),
)


class MongoWorkflows:
    """Workflows, including the pointers to live versions."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    @store_call
    async def add(self, workflow: Workflow) -> None:
        """Store a new workflow."""
        await self._collection.insert_one(_document(workflow))

    @store_call
    async def get(self, workflow_id: str) -> Workflow | None:
        """Return a workflow with one indexed read, even if archived."""
        found = await self._collection.find_one({"_id": workflow_id})
        return _workflow(found) if found else None

    @store_call
    async def archived(self, workspace_id: str, *, since: datetime, limit: int) -> Sequence[Workflow]:
        """Return up to `limit` archived workflows, except those archived before `since`, last archived first.

        Those that an earlier release archived have no time, and come last.
        """
        query = {
            "workspace_id": workspace_id,
            "is_archived": True,
            "$or": [{"deleted_at": {"$gte": since}}, {"deleted_at": None}],
        }
        found = self._collection.find(query).sort("deleted_at", -1).limit(limit)
        return [_workflow(document) async for document in found]

    @store_call
    async def expired(self, before: datetime, limit: int) -> Sequence[Workflow]:
        """Return up to `limit` workflows of all workspaces that were archived before this time, oldest first."""
        query = {"is_archived": True, "deleted_at": {"$lt": before}}
        found = self._collection.find(query).sort("deleted_at", 1).limit(limit)
        return [_workflow(document) async for document in found]

    @store_call
    async def replace(self, workflow: Workflow, *, expected_revision: int) -> bool:
        """Store `workflow` if the stored revision matches; return whether it did."""
        held = {"_id": workflow.id, "revision": expected_revision}
        # Partial update: preserves fields that a newer version stores.
        result = await self._collection.update_one(held, {"$set": _document(workflow)})
        return result.matched_count == 1

    @store_call
    async def touch(self, workflow_id: str, at: datetime) -> None:
        """Record a content change; the revision stays."""
        await self._collection.update_one({"_id": workflow_id}, {"$max": {"updated_at": at}})

    @store_call
    async def page(
        self, workspace_id: str, *, after: str | None, limit: int, deployed_only: bool, folder_id: str | None
    ) -> Sequence[tuple[str, Workflow]]:
        """Return up to `limit` unarchived workflows after the position `after`, oldest first, each with its position.

        With `folder_id`, only those in that folder.
        """
        query: dict[str, Any] = {"workspace_id": workspace_id, "is_archived": False, "place": {"$gt": after or ""}}
        if deployed_only:
            query["live"] = {"$ne": None}
        if folder_id is not None:
            query["folder_id"] = folder_id
        found = self._collection.find(query).sort("place", 1).limit(limit)
        return [(document["place"], _workflow(document)) async for document in found]


def _place(workflow: Workflow) -> str:
    return f"{int(workflow.created_at.timestamp() * 1000):015d}-{workflow.id}"


def _document(workflow: Workflow) -> Document:
    return {
        "_id": workflow.id,
        "workspace_id": workflow.workspace_id,
        "place": _place(workflow),
        "name": workflow.name,
        "description": workflow.description,
        "folder_id": workflow.folder_id,
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
        "revision": workflow.revision,
        "is_public": workflow.is_public,
        "stores_data": workflow.stores_data,
        "input_validation": workflow.input_validation,
        "recording": None if workflow.recording is None else msgspec.structs.asdict(workflow.recording),
        "is_archived": workflow.is_archived,
        "last_version": workflow.last_version,
        "live": _live_document(workflow.live),
        "deleted_at": workflow.deleted_at,
        "last_live": _live_document(workflow.last_live),
    }


def _live_document(live: Live | None) -> Document | None:
    return (
        None
        if live is None
        else {
            "number": live.number,
            "version_id": live.version_id,
            "snapshot_hash": live.snapshot_hash,
            "since": live.since,
        }
    )


def _live(document: Document | None) -> Live | None:
    return Live(**known_fields(document, Live)) if document else None


def _workflow(document: Document) -> Workflow:
    recording = document.get("recording")
    fields = known_fields(document, Workflow) | {
        "id": document["_id"],
        "recording": None if recording is None else msgspec.convert(recording, RecordingPolicy),
        "live": _live(document["live"]),
        "last_live": _live(document.get("last_live")),
    }
    return Workflow(**fields)
