"""Chats in MongoDB. Unique indexes give each address once, and each workflow one chat."""

from datetime import datetime
from typing import Final

import msgspec
from pymongo.errors import DuplicateKeyError

from shared.contracts.chats import Chat
from shared.store.client import Document, Index, Store, by

COLLECTION: Final = "chats"
INDEXES: Final = (
    Index(COLLECTION, by("settings.identifier"), unique=True, name="identifier"),
    Index(COLLECTION, by("workflow_id"), unique=True, name="workflow"),
)


class MongoChats:
    """Implements ChatRepository."""

    def __init__(self, store: Store) -> None:
        self._collection = store.collection(COLLECTION)

    async def add(self, chat: Chat) -> bool:
        """See ChatRepository."""
        try:
            await self._collection.insert_one(_document(chat))
        except DuplicateKeyError:
            # The driver repeats a write whose answer was lost: then it is this very chat that is in the way.
            return await self._collection.find_one({"_id": chat.id}, {"_id": True}) is not None
        return True

    async def replace(self, chat: Chat) -> bool:
        """See ChatRepository."""
        try:
            await self._collection.replace_one({"_id": chat.id}, _document(chat))
        except DuplicateKeyError:
            return False
        return True

    async def get(self, chat_id: str) -> Chat | None:
        """See ChatRepository."""
        return await self._one({"_id": chat_id})

    async def at(self, identifier: str) -> Chat | None:
        """See ChatRepository."""
        return await self._one({"settings.identifier": identifier})

    async def of(self, workflow_id: str) -> Chat | None:
        """See ChatRepository."""
        return await self._one({"workflow_id": workflow_id})

    async def delete(self, chat_id: str) -> None:
        """See ChatRepository."""
        await self._collection.delete_one({"_id": chat_id})

    async def delete_of(self, workflow_id: str) -> None:
        """See ChatRepository."""
        await self._collection.delete_one({"workflow_id": workflow_id})

    async def _one(self, query: Document) -> Chat | None:
        found = await self._collection.find_one(query)
        return None if found is None else msgspec.convert({**found, "id": found["_id"]}, Chat)


def _document(chat: Chat) -> Document:
    fields = msgspec.to_builtins(chat, builtin_types=(datetime,))
    return {"_id": fields.pop("id"), **fields}
