"""Publications in MongoDB. Unique indexes allow one chat and one agent per workflow, and one chat per address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Generic

import msgspec
from pymongo.errors import DuplicateKeyError

from deploy_service.adapters.inserts import insert_if_free
from deploy_service.domain.publications import P, PublicationKey, PublicationKind
from shared.contracts.agents import Agent
from shared.contracts.chats import Chat
from shared.contracts.tool_servers import ToolServer
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

CHATS: Final = "chats"
AGENTS: Final = "agents"
TOOL_SERVERS: Final = "tool_servers"
INDEXES: Final = (
    Index(CHATS, ascending(PublicationKey.IDENTIFIER.value), unique=True, name="identifier"),
    Index(CHATS, ascending(PublicationKey.WORKFLOW.value), unique=True, name="workflow"),
    Index(AGENTS, ascending(PublicationKey.WORKFLOW.value), unique=True, name="workflow"),
    Index(TOOL_SERVERS, ascending(PublicationKey.WORKSPACE.value, "created_at"), name="workspace"),
)
_COLLECTIONS: Final[dict[type, str]] = {Chat: CHATS, Agent: AGENTS, ToolServer: TOOL_SERVERS}


class MongoPublications(Generic[P]):
    """Publications of one kind."""

    def __init__(self, store: Store, kind: PublicationKind[P]) -> None:
        self._collection = store.collection(_COLLECTIONS[kind.type])
        self._type: type[P] = kind.type

    @store_call
    async def add(self, publication: P) -> bool:
        """Store a publication unless a unique field is taken; return whether it is stored."""
        return await insert_if_free(self._collection, _document(publication))

    @store_call
    async def replace(self, publication: P, *, expected_revision: int) -> bool:
        """Store it if the stored revision matches and no unique field is taken; return whether it is stored."""
        # The first documents were stored without a revision.
        revision = expected_revision if expected_revision > 1 else {"$in": [1, None]}
        current = {"_id": publication.id, "revision": revision}
        try:
            return (await self._collection.replace_one(current, _document(publication))).matched_count == 1
        except DuplicateKeyError:
            return False

    @store_call
    async def get(self, publication_id: str) -> P | None:
        found = await self._collection.find_one({"_id": publication_id})
        return None if found is None else self._publication(found)

    @store_call
    async def find(self, key: PublicationKey, value: str, *, limit: int) -> Sequence[P]:
        """Return up to `limit` publications with this value, oldest first."""
        found = self._collection.find({key.value: value}).sort("created_at", 1).limit(limit)
        return [self._publication(document) async for document in found]

    @store_call
    async def delete(self, publication_id: str) -> None:
        """Delete it, if present."""
        await self._collection.delete_one({"_id": publication_id})

    @store_call
    async def delete_of(self, workflow_id: str) -> None:
        """Delete a workflow's publication."""
        await self._collection.delete_one({PublicationKey.WORKFLOW.value: workflow_id})

    def _publication(self, document: Document) -> P:
        return msgspec.convert({**document, "id": document["_id"]}, self._type)


def _document(publication: Any) -> Document:
    fields = msgspec.to_builtins(publication, builtin_types=(datetime,))
    return {"_id": fields.pop("id"), **fields}
