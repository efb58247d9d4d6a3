"""Chats at deploy-service, over internal HTTP."""

from shared.contracts.chats import INVALID_IDENTIFIER, Chat, ChatLookup, ChatSettings, CreateChat
from shared.errors import InvalidRequest, NotFound
from shared.web.client import InternalClient
from shared.web.paths import path_of


class HttpChatClient:
    """Implements ChatClient."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def create(self, request: CreateChat) -> Chat:
        return await self._client.call("POST", path_of("chats"), body=request, returns=Chat)

    async def at(self, identifier: str) -> Chat | None:
        if not identifier:
            raise InvalidRequest("Identifier is required")
        try:
            path = path_of("chats", "at", identifier)
        except NotFound:
            raise InvalidRequest(INVALID_IDENTIFIER) from None
        return (await self._client.call("GET", path, returns=ChatLookup)).chat

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        path = path_of("workflows", workflow_id, "chat", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=ChatLookup)).chat

    async def get(self, chat_id: str) -> Chat:
        return await self._client.call("GET", path_of("chats", chat_id), returns=Chat)

    async def save(self, chat: Chat, settings: ChatSettings) -> Chat:
        path = path_of("chats", chat.id, expected_revision=chat.revision)
        return await self._client.call("PUT", path, body=settings, returns=Chat)

    async def delete(self, chat_id: str) -> None:
        await self._client.call("DELETE", path_of("chats", chat_id))
