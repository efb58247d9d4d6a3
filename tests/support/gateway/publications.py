"""Chats, agents and tool servers in memory."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from tests.support.gateway.clock import NOON

from shared.contracts.agents import Agent
from shared.contracts.chats import Chat
from shared.contracts.tool_servers import ToolServer
from shared.errors import Conflict, NotFound

P = TypeVar("P", Chat, Agent, ToolServer)


class FakePublications(Generic[P]):
    """Implements PublicationClient for one kind. `noun` names it in errors."""

    def __init__(self, kind: type[P], noun: str) -> None:
        self._kind: type[P] = kind
        self._noun = noun
        self.stored: dict[str, P] = {}

    async def create(self, request: Any) -> P:
        fields = {name: getattr(request, name) for name in request.__struct_fields__}
        made_id = f"{self._noun[0].upper()}{len(self.stored) + 1}"
        self.stored[made_id] = self._kind(id=made_id, revision=1, created_at=NOON, updated_at=NOON, **fields)
        return self.stored[made_id]

    async def get(self, publication_id: str) -> P:
        if publication_id not in self.stored:
            raise NotFound(f"{self._noun.capitalize()} not found")
        return self.stored[publication_id]

    async def save(self, publication: P, settings: Any) -> P:
        if (await self.get(publication.id)).revision != publication.revision:
            raise Conflict(f"The {self._noun} has changed since it was loaded. Reload it and try again.")
        changed = msgspec.structs.replace(publication, settings=settings, revision=publication.revision + 1)
        self.stored[publication.id] = changed
        return changed

    async def delete(self, publication_id: str) -> None:
        self.stored.pop(publication_id, None)


class FakeAgents(FakePublications[Agent]):
    """Implements AgentClient."""

    def __init__(self) -> None:
        super().__init__(Agent, "agent")

    async def create(self, request: Any) -> Agent:
        if await self.of(request.workspace_id, request.workflow_id):
            raise Conflict("Workflow already has an agent")
        return await super().create(request)

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        return next((agent for agent in self.stored.values() if agent.workflow_id == workflow_id), None)


class FakeChats(FakePublications[Chat]):
    """Implements ChatClient."""

    def __init__(self) -> None:
        super().__init__(Chat, "chat")

    async def create(self, request: Any) -> Chat:
        if await self.of(request.workspace_id, request.workflow_id):
            raise Conflict("Workflow already has a chat")
        return await super().create(request)

    async def at(self, identifier: str) -> Chat | None:
        return next((chat for chat in self.stored.values() if chat.settings.identifier == identifier), None)

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        return next((chat for chat in self.stored.values() if chat.workflow_id == workflow_id), None)

    async def save(self, publication: Chat, settings: Any) -> Chat:
        other = await self.at(settings.identifier)
        if other is not None and other.id != publication.id:
            raise Conflict("Identifier already in use")
        return await super().save(publication, settings)


class FakeToolServers(FakePublications[ToolServer]):
    """Implements ToolServerClient."""

    def __init__(self) -> None:
        super().__init__(ToolServer, "server")

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        return [server for server in self.stored.values() if server.workspace_id == workspace_id]
