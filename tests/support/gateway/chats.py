"""Chats in memory."""

import msgspec
from tests.support.gateway.clock import NOON

from shared.contracts.chats import Chat, ChatSettings, CreateChat
from shared.errors import Conflict, NotFound


class FakeChats:
    """Implements ChatClient."""

    def __init__(self) -> None:
        self.chats: dict[str, Chat] = {}

    async def create(self, request: CreateChat) -> Chat:
        if await self.of(request.workspace_id, request.workflow_id):
            raise Conflict("Workflow already has a chat")
        chat = Chat(
            id=f"C{len(self.chats) + 1}",
            workspace_id=request.workspace_id,
            workflow_id=request.workflow_id,
            settings=request.settings,
            created_at=NOON,
            updated_at=NOON,
        )
        self.chats[chat.id] = chat
        return chat

    async def at(self, identifier: str) -> Chat | None:
        return next((chat for chat in self.chats.values() if chat.settings.identifier == identifier), None)

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        return next((chat for chat in self.chats.values() if chat.workflow_id == workflow_id), None)

    async def get(self, chat_id: str) -> Chat:
        if chat_id not in self.chats:
            raise NotFound("Chat not found")
        return self.chats[chat_id]

    async def save(self, chat: Chat, settings: ChatSettings) -> Chat:
        other = await self.at(settings.identifier)
        if other is not None and other.id != chat.id:
            raise Conflict("Identifier already in use")
        if (await self.get(chat.id)).revision != chat.revision:
            raise Conflict("The chat has changed since it was loaded. Reload it and try again.")
        self.chats[chat.id] = msgspec.structs.replace(chat, settings=settings, revision=chat.revision + 1)
        return self.chats[chat.id]

    async def delete(self, chat_id: str) -> None:
        self.chats.pop(chat_id, None)
