"""Versions in MongoDB. A unique index gives each number of a workflow once, whoever asks at the same moment."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from deploy_service.domain.version import Version
from shared.store.client import Store
from shared.store.documents import Document, known
from shared.store.errors import store_call
from shared.store.indexes import Index, by

COLLECTION: Final = "versions"
INDEXES: Final = (
    Index(COLLECTION, by("workflow_id", "number"), unique=True, name="number"),
    Index(COLLECTION, by("workspace_id", "snapshot_hash"), name="snapshot"),
)


class MongoVersions:
    """Implements VersionRepository."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    @store_call
    async def add(self, version: Version) -> bool:
        """See VersionRepository."""
        try:
            await self._collection.insert_one(_document(version))
        except DuplicateKeyError:
            # The driver repeats a write whose answer was lost: then the number is taken by this very version.
            return await self._collection.find_one({"_id": version.id}, {"_id": True}) is not None
        return True

    @store_call
    async def get(self, workflow_id: str, number: int) -> Version | None:
        """See VersionRepository."""
        found = await self._collection.find_one({"workflow_id": workflow_id, "number": number})
        return _version(found) if found else None

    @store_call
    async def page(self, workflow_id: str, *, before: int | None, limit: int) -> Sequence[Version]:
        """See VersionRepository."""
        query: dict[str, Any] = {"workflow_id": workflow_id}
        if before is not None:
            query["number"] = {"$lt": before}
        found = self._collection.find(query).sort("number", -1).limit(limit)
        return [_version(document) async for document in found]

    @store_call
    async def describe(self, version_id: str, texts: Mapping[str, str | None]) -> None:
        """See VersionRepository."""
        await self._collection.update_one({"_id": version_id}, {"$set": dict(texts)})


def _document(version: Version) -> Document:
    fields = asdict(version)
    return {"_id": fields.pop("id"), **fields}


def _version(document: Document) -> Version:
    return Version(id=document["_id"], **known(document, Version))
