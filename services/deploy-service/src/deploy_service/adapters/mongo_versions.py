"""Versions in MongoDB. A unique index assigns each number of a workflow once, even under concurrency."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from deploy_service.adapters.inserts import insert_if_free
from deploy_service.domain.workflow import Version
from shared.store.client import Document, Store, store_call
from shared.store.documents import known_fields
from shared.store.indexes import Index, ascending

COLLECTION: Final = "versions"
INDEXES: Final = (
    Index(COLLECTION, ascending("workflow_id", "number"), unique=True, name="number"),
    Index(COLLECTION, ascending("workspace_id", "snapshot_hash"), name="snapshot"),
)


class MongoVersions:
    """Numbered versions; each number of a workflow is used once."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    @store_call
    async def add(self, version: Version) -> bool:
        """Store a version unless its number is taken; return whether it is stored."""
        return await insert_if_free(self._collection, _document(version))

    @store_call
    async def get(self, workflow_id: str, number: int) -> Version | None:
        """Return the version with this number."""
        found = await self._collection.find_one({"workflow_id": workflow_id, "number": number})
        return _version(found) if found else None

    @store_call
    async def page(self, workflow_id: str, *, before: int | None, limit: int, newest: int) -> Sequence[Version]:
        """Return up to `limit` versions, newest first.

        The query covers a range of `limit` numbers, because SecantusDB reads every match. If numbers are missing from
        the range, a second query reads the rest.
        """
        below = {} if before is None else {"$lt": before}
        lowest = (newest + 1 if before is None else min(newest + 1, before)) - limit
        found = await self._found(workflow_id, {"$gte": lowest, **below}, limit)
        if len(found) < limit and lowest > 1:  # numbers are missing
            return await self._found(workflow_id, {"$gte": 1, **below}, limit)
        return found

    @store_call
    async def has_snapshot(self, workflow_id: str, snapshot_hash: str) -> bool:
        """Return whether a version of this workflow has this snapshot."""
        wanted = {"workflow_id": workflow_id, "snapshot_hash": snapshot_hash}
        return await self._collection.find_one(wanted, {"_id": True}) is not None

    @store_call
    async def describe(self, version_id: str, fields: Mapping[str, str | None]) -> None:
        """Update these fields, by name, and leave the others."""
        await self._collection.update_one({"_id": version_id}, {"$set": dict(fields)})

    async def _found(self, workflow_id: str, numbers: Document, limit: int) -> Sequence[Version]:
        found = self._collection.find({"workflow_id": workflow_id, "number": numbers}).sort("number", -1).limit(limit)
        return [_version(document) async for document in found]


def _document(version: Version) -> Document:
    fields = asdict(version)
    return {"_id": fields.pop("id"), **fields}


def _version(document: Document) -> Version:
    return Version(id=document["_id"], **known_fields(document, Version))
