"""Chats, agents and tool servers."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from shared.contracts.agents import Agent, AgentLookup
from shared.contracts.chats import INVALID_IDENTIFIER, Chat, ChatLookup
from shared.contracts.tool_servers import SaveToolServer, ToolServer, ToolServers
from shared.errors import InvalidRequest, NotFound
from shared.web.client import InternalClient
from shared.web.paths import path_of

P = TypeVar("P", Chat, Agent, ToolServer)


class HttpPublicationClient(Generic[P]):
    """Implements PublicationClient over internal HTTP, for the publications below the path `collection`."""

    def __init__(self, client: InternalClient, collection: str, kind: type[P]) -> None:
        self._client = client
        self._collection = collection
        self._kind: type[P] = kind

    async def create(self, request: Any) -> P:
        return await self._client.call("POST", path_of(self._collection), body=request, returns=self._kind)

    async def get(self, publication_id: str) -> P:
        return await self._client.call("GET", path_of(self._collection, publication_id), returns=self._kind)

    async def save(self, publication: P, settings: Any) -> P:
        path = path_of(self._collection, publication.id, expected_revision=publication.revision)
        return await self._client.call("PUT", path, body=settings, returns=self._kind)

    async def delete(self, publication_id: str) -> None:
        await self._client.call("DELETE", path_of(self._collection, publication_id))


class HttpAgentClient(HttpPublicationClient[Agent]):
    """Implements AgentClient."""

    def __init__(self, client: InternalClient) -> None:
        super().__init__(client, "agents", Agent)

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        path = path_of("workflows", workflow_id, "agent", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=AgentLookup)).agent


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


class HttpToolServerClient(HttpPublicationClient[ToolServer]):
    """Implements ToolServerClient."""

    def __init__(self, client: InternalClient) -> None:
        super().__init__(client, "tool-servers", ToolServer)

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        path = path_of("tool-servers", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=ToolServers)).servers

    async def save(self, publication: ToolServer, settings: Any) -> ToolServer:
        body = SaveToolServer(settings, publication.revision)
        return await self._client.call("PUT", path_of("tool-servers", publication.id), body=body, returns=ToolServer)
