"""Chats in MongoDB. Unique indexes ensure one chat per address and one per workflow."""

from typing import Final

from deploy_service.adapters.one_per_workflow import OnePerWorkflow, one_per_workflow
from shared.contracts.chats import Chat
from shared.store.client import Store
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending

COLLECTION: Final = "chats"
INDEXES: Final = (
    Index(COLLECTION, ascending("settings.identifier"), unique=True, name="identifier"),
    one_per_workflow(COLLECTION),
)


class MongoChats(OnePerWorkflow[Chat]):
    """Implements ChatRepository."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, COLLECTION, Chat)

    @store_call
    async def at(self, identifier: str) -> Chat | None:
        """See ChatRepository."""
        return await self._one({"settings.identifier": identifier})
