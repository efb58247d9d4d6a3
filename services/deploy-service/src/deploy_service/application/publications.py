"""Chats, agents and tool servers: one mechanism for all kinds of publications. The gateway checks permissions."""

from typing import Any, Generic

import msgspec

from deploy_service.adapters.mongo_publications import MongoPublications
from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.application.timestamps import timestamp
from deploy_service.domain.chat import checked_identifier
from deploy_service.domain.publications import (
    CHAT,
    TOOL_SERVER,
    CreatePublication,
    P,
    PublicationKey,
    PublicationKind,
    changed,
)
from deploy_service.domain.tool_server import SERVERS_LIMIT
from shared.bounded_inserts import BoundedInserts
from shared.clock import Clock
from shared.contracts.agents import Agent
from shared.contracts.chats import Chat
from shared.contracts.tool_servers import ToolServer, ToolServerSettings
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import new_id


class Publications(Generic[P]):
    """Publications of one kind, at most one for each workflow unless a subclass says otherwise."""

    def __init__(
        self,
        kind: PublicationKind[P],
        repository: MongoPublications[P],
        workflows: MongoWorkflows,
        clock: Clock,
    ) -> None:
        self._kind: PublicationKind[P] = kind
        self._repository: MongoPublications[P] = repository
        self._workflows = workflows
        self._clock = clock

    async def create(self, request: CreatePublication) -> P:
        """Create a publication. Raises InvalidRequest, NotFound, Conflict."""
        settings = await self._checked(request.workspace_id, request.settings)
        return await self._store(self._kind.new(new_id(), request, settings, timestamp(self._clock)))

    async def of_workflow(self, workspace_id: str, workflow_id: str) -> P | None:
        """Return the workflow's publication, if the workspace owns it."""
        publication = await self._first(PublicationKey.WORKFLOW, workflow_id)
        return publication if publication is not None and publication.workspace_id == workspace_id else None

    async def get(self, publication_id: str) -> P:
        """Return a publication. Raises NotFound."""
        publication = await self._repository.get(publication_id)
        if publication is None:
            raise NotFound(f"{self._kind.name.capitalize()} not found")
        return publication

    async def save(self, publication_id: str, settings: Any, expected_revision: int | None = None) -> P:
        """Replace the settings, if `expected_revision` matches or is absent.

        Raises NotFound, InvalidRequest, Conflict.
        """
        before = await self.get(publication_id)
        since = expected_revision or before.revision
        checked = await self._checked(before.workspace_id, settings)
        after = changed(before, checked, timestamp(self._clock), since=since)
        if not await self._repository.replace(after, expected_revision=since):
            raise await self._save_conflict(after)
        return after

    async def delete(self, publication_id: str) -> None:
        """Delete a publication."""
        await self._repository.delete(publication_id)

    async def _checked(self, workspace_id: str, settings: Any) -> Any:
        return self._kind.checked(settings)

    async def _store(self, publication: P) -> P:
        """Store a publication, unless its workflow is deleted concurrently."""
        await self._require_workflow(publication)
        if not await self._repository.add(publication):
            raise await self._create_conflict(publication)
        try:
            await self._require_workflow(publication)
        except NotFound:
            await self._repository.delete(publication.id)
            raise
        return publication

    async def _require_workflow(self, publication: Any) -> None:
        workflow = await self._workflows.get(publication.workflow_id)
        if workflow is None or not workflow.is_in(publication.workspace_id):
            raise NotFound("Workflow not found")

    async def _create_conflict(self, publication: P) -> Conflict:
        return Conflict(f"Workflow already has an {self._kind.name}")

    async def _save_conflict(self, publication: P) -> Conflict:
        return Conflict(f"The {self._kind.name} has changed since it was loaded. Reload it and try again.")

    async def _first(self, key: PublicationKey, value: str) -> P | None:
        found = await self._repository.find(key, value, limit=1)
        return found[0] if found else None


Agents = Publications[Agent]


class Chats(Publications[Chat]):
    """Chats. No two have the same identifier."""

    def __init__(self, repository: MongoPublications[Chat], workflows: MongoWorkflows, clock: Clock) -> None:
        super().__init__(CHAT, repository, workflows, clock)

    async def at(self, identifier: str) -> Chat | None:
        """Return the chat at this address. Raises InvalidRequest for an invalid address."""
        return await self._first(PublicationKey.IDENTIFIER, checked_identifier(identifier))

    async def _create_conflict(self, publication: Chat) -> Conflict:
        has_one = await self._first(PublicationKey.WORKFLOW, publication.workflow_id) is not None
        return Conflict("Workflow already has a chat" if has_one else "Identifier already in use")

    async def _save_conflict(self, publication: Chat) -> Conflict:
        other = await self._first(PublicationKey.IDENTIFIER, publication.settings.identifier)
        if other is not None and other.id != publication.id:
            return Conflict("Identifier already in use")
        return await super()._save_conflict(publication)


class ToolServers(Publications[ToolServer]):
    """Tool servers: a bounded number for each workspace, each with tools of several workflows."""

    def __init__(self, repository: MongoPublications[ToolServer], workflows: MongoWorkflows, clock: Clock) -> None:
        super().__init__(TOOL_SERVER, repository, workflows, clock)
        self._inserts = BoundedInserts()

    async def of_workspace(self, workspace_id: str) -> tuple[ToolServer, ...]:
        """Return the servers of a workspace, oldest first."""
        return tuple(await self._repository.find(PublicationKey.WORKSPACE, workspace_id, limit=SERVERS_LIMIT))

    async def _checked(self, workspace_id: str, settings: ToolServerSettings) -> ToolServerSettings:
        """Return valid settings, without the tools of deleted workflows."""
        checked: ToolServerSettings = self._kind.checked(settings)
        found = {tool.workflow_id: await self._workflows.get(tool.workflow_id) for tool in checked.tools}
        if any(workflow is not None and workflow.workspace_id != workspace_id for workflow in found.values()):
            raise NotFound("Workflow not found")
        left = tuple(tool for tool in checked.tools if found[tool.workflow_id] is not None)
        return msgspec.structs.replace(checked, tools=left)

    async def _store(self, publication: ToolServer) -> ToolServer:
        async def count() -> int:
            key, workspace_id = PublicationKey.WORKSPACE, publication.workspace_id
            return len(await self._repository.find(key, workspace_id, limit=SERVERS_LIMIT + 1))

        added = await self._inserts.insert(
            publication.workspace_id,
            SERVERS_LIMIT,
            count=count,
            insert=lambda: self._repository.add(publication),
            delete=lambda _: self._repository.delete(publication.id),
        )
        if added is None:
            raise InvalidRequest(f"A workspace can have at most {SERVERS_LIMIT} MCP servers. Delete one first.")
        return publication
