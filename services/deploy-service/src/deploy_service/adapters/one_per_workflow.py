"""Documents in MongoDB limited to one per workflow by a unique index."""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from pymongo.errors import DuplicateKeyError

from shared.contracts.agents import Agent
from shared.contracts.chats import Chat
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending

P = TypeVar("P", Chat, Agent)


def one_per_workflow(collection: str) -> Index:
    """Return the index that such a collection needs."""
    return Index(collection, ascending("workflow_id"), unique=True, name="workflow")


class OnePerWorkflow(Generic[P]):
    """Implements WorkflowPublications."""

    def __init__(self, store: Store, collection: str, kind: type[P]) -> None:
        self._collection = store.collection(collection)
        self._kind: type[P] = kind

    @store_call
    async def add(self, publication: P) -> bool:
        """See WorkflowPublications."""
        try:
            await self._collection.insert_one(_document(publication))
        except DuplicateKeyError:
            # The driver repeats a write whose answer was lost: then this very publication holds the place.
            return await self._collection.find_one({"_id": publication.id}, {"_id": True}) is not None
        return True

    @store_call
    async def replace(self, publication: P, *, expected_revision: int) -> bool:
        """See WorkflowPublications."""
        # The first documents were stored without a revision.
        revision = expected_revision if expected_revision > 1 else {"$in": [1, None]}
        held = {"_id": publication.id, "revision": revision}
        try:
            return (await self._collection.replace_one(held, _document(publication))).matched_count == 1
        except DuplicateKeyError:
            return False

    @store_call
    async def get(self, publication_id: str) -> P | None:
        """See WorkflowPublications."""
        return await self._one({"_id": publication_id})

    @store_call
    async def of(self, workflow_id: str) -> P | None:
        """See WorkflowPublications."""
        return await self._one({"workflow_id": workflow_id})

    @store_call
    async def delete(self, publication_id: str) -> None:
        """See WorkflowPublications."""
        await self._collection.delete_one({"_id": publication_id})

    @store_call
    async def delete_of(self, workflow_id: str) -> None:
        """See WorkflowPublications."""
        await self._collection.delete_one({"workflow_id": workflow_id})

    async def _one(self, query: Document) -> P | None:
        found = await self._collection.find_one(query)
        return None if found is None else msgspec.convert({**found, "id": found["_id"]}, self._kind)


def _document(publication: Chat | Agent) -> Document:
    fields = msgspec.to_builtins(publication, builtin_types=(datetime,))
    return {"_id": fields.pop("id"), **fields}
