"""Chats at deploy-service."""

from typing import Protocol

from gateway.publications.client import HttpPublicationClient, PublicationClient
from shared.contracts.chats import INVALID_IDENTIFIER, Chat, ChatLookup
from shared.errors import InvalidRequest, NotFound
from shared.web.client import InternalClient
from shared.web.paths import path_of


class ChatClient(PublicationClient[Chat], Protocol):
    """Port of chats."""

    async def at(self, identifier: str) -> Chat | None:
        """Return the chat at this address. Raises InvalidRequest for an invalid address."""

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        """Return the chat of this workflow."""


class HttpChatClient(HttpPublicationClient[Chat]):
    """Implements ChatClient."""

    def __init__(self, client: InternalClient) -> None:
        super().__init__(client, "chats", Chat)

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
