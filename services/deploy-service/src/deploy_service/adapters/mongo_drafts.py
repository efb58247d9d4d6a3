"""Drafts in MongoDB: the document beside its revision, compressed."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from deploy_service.adapters.compression import pack, unpack
from deploy_service.domain.content import Content, Draft
from shared.store.client import Document, Store, store_call

COLLECTION: Final = "drafts"


class MongoDrafts:
    """One draft per workflow. Raises PayloadTooLarge if a document cannot hold it."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    @store_call
    async def add(self, draft: Draft) -> None:
        """Store a new workflow's first draft."""
        await self._collection.insert_one(await _document(draft))

    @store_call
    async def get(self, workflow_id: str) -> Draft | None:
        """Return the draft with its document."""
        found = await self._collection.find_one({"_id": workflow_id})
        if found is None:
            return None
        return Draft(
            workflow_id=workflow_id,
            revision=found["revision"],
            content=Content(await unpack(found["packed"]), found["hash"]),
            saved_at=found["saved_at"],
        )

    @store_call
    async def hashes(self, workflow_ids: Collection[str]) -> Mapping[str, str]:
        """Return the hash of each draft, without reading its document."""
        found = self._collection.find({"_id": {"$in": list(workflow_ids)}}, {"hash": 1})
        return {document["_id"]: document["hash"] async for document in found}

    @store_call
    async def saved(self, workflow_id: str) -> tuple[int, datetime] | None:
        """Return the draft's revision and time, without reading its document."""
        found = await self._collection.find_one({"_id": workflow_id}, {"revision": 1, "saved_at": 1})
        return None if found is None else (found["revision"], found["saved_at"])

    @store_call
    async def replace(self, draft: Draft, *, expected_revision: int) -> bool:
        """Store `draft` if the stored revision matches; return whether it did."""
        held = {"_id": draft.workflow_id, "revision": expected_revision}
        result = await self._collection.replace_one(held, await _document(draft))
        return result.matched_count == 1


async def _document(draft: Draft) -> Document:
    return {
        "_id": draft.workflow_id,
        "revision": draft.revision,
        "hash": draft.content.hash,
        "saved_at": draft.saved_at,
        "packed": await pack(draft.content.document),
    }
