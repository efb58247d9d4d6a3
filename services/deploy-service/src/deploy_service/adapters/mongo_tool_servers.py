"""MCP servers in MongoDB, each with its tools."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.contracts.tool_servers import ToolServer
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending

COLLECTION: Final = "tool_servers"
INDEXES: Final = (Index(COLLECTION, ascending("workspace_id", "created_at"), name="workspace"),)


class MongoToolServers:
    """Implements ToolServerRepository."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    @store_call
    async def add(self, server: ToolServer) -> None:
        """See ToolServerRepository."""
        await self._collection.insert_one(_document(server))

    @store_call
    async def get(self, server_id: str) -> ToolServer | None:
        """See ToolServerRepository."""
        found = await self._collection.find_one({"_id": server_id})
        return None if found is None else _server(found)

    @store_call
    async def of(self, workspace_id: str, limit: int) -> Sequence[ToolServer]:
        """See ToolServerRepository."""
        found = self._collection.find({"workspace_id": workspace_id}).sort("created_at", 1).limit(limit)
        return [_server(document) async for document in found]

    @store_call
    async def replace(self, server: ToolServer, *, expected_revision: int) -> bool:
        """See ToolServerRepository."""
        held = {"_id": server.id, "revision": expected_revision}
        return (await self._collection.replace_one(held, _document(server))).matched_count == 1

    @store_call
    async def delete(self, server_id: str) -> None:
        """See ToolServerRepository."""
        await self._collection.delete_one({"_id": server_id})


def _document(server: ToolServer) -> Document:
    fields = msgspec.to_builtins(server, builtin_types=(datetime,))
    return {"_id": fields.pop("id"), **fields}


def _server(document: Document) -> ToolServer:
    return msgspec.convert({**document, "id": document["_id"]}, ToolServer)
