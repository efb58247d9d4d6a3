"""Agents for their authors: publish, read, change, delete."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from gateway.access.application.audit import AuditLog
from gateway.access.domain.credentials import Caller, Scope
from gateway.features.a2a.agents import MISSING, PublishedAgents
from gateway.features.a2a.ports import AgentClient
from gateway.optimistic import written_over
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.application.endpoints import Endpoints
from shared.contracts.agents import Agent, AgentSettings, CreateAgent
from shared.contracts.deployments import Endpoint, UpdateAccess
from shared.errors import Conflict, InvalidRequest, NotFound


class AgentPublications:
    """Service for admins: an agent advertises a workflow. The workflow's access mode decides who may call it."""

    def __init__(
        self,
        keeper: AgentClient,
        endpoints: Endpoints,
        publishing: DeploymentService,
        serving: PublishedAgents,
        *,
        audit: AuditLog,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._keeper = keeper
        self._endpoints = endpoints
        self._publishing = publishing
        self._serving = serving
        self._audit = audit
        self._settle = settle

    async def of(self, caller: Caller, workflow_id: str) -> Agent | None:
        """Return the workflow's agent. Raises Forbidden, Unavailable."""
        caller.require(Scope.READ)
        return await self._keeper.of(caller.workspace.id, workflow_id)

    async def get(self, caller: Caller, agent_id: str, *, scope: Scope = Scope.READ) -> tuple[Caller, Agent]:
        """Return an agent, and the caller in its workspace. Raises NotFound, Forbidden, Unavailable."""
        agent = await self._keeper.get(agent_id)
        if not caller.may_enter(agent.workspace_id):
            raise NotFound(MISSING)
        caller = caller.on(agent.workspace_id, agent.workflow_id)
        caller.require(scope)
        return caller, agent

    async def create(
        self, caller: Caller, endpoint: Endpoint, settings: AgentSettings, *, is_public: bool | None
    ) -> Agent:
        """Publish a deployed workflow as an agent. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""
        caller.require(Scope.ADMIN)
        if not endpoint.is_deployed:
            raise InvalidRequest("Workflow must be deployed before it can be an agent")
        try:
            agent = await self._keeper.create(CreateAgent(caller.workspace.id, endpoint.workflow_id, settings))
        except Conflict as error:
            raise InvalidRequest(error.message) from error
        await self._set_access(caller, agent, is_public)
        await self._note(caller, "agent.created", agent, after=agent.settings)
        return agent

    async def change(
        self, caller: Caller, agent_id: str, changes: Mapping[str, Any], *, is_public: bool | None
    ) -> Agent:
        """Change settings by name; returns once other gateways have them.

        Raises Forbidden, NotFound, InvalidRequest, Unavailable.
        """

        async def write() -> tuple[Caller, Agent, Agent] | None:
            entered, before = await self.get(caller, agent_id, scope=Scope.ADMIN)
            with suppress(Conflict):  # concurrent change
                settings = msgspec.structs.replace(before.settings, **changes)
                return entered, before, await self._keeper.save(before, settings)
            return None

        caller, agent, changed = await written_over(write, else_say="The agent changes too often to change it now")
        await self._set_access(caller, agent, is_public)
        await self._settled(caller, "agent.changed", changed, before=agent.settings, after=changed.settings)
        return changed

    async def delete(self, caller: Caller, agent_id: str) -> None:
        """Delete the agent. Raises Forbidden, NotFound, Unavailable."""
        caller, agent = await self.get(caller, agent_id, scope=Scope.ADMIN)
        await self._keeper.delete(agent_id)
        await self._settled(caller, "agent.deleted", agent, before=agent.settings)

    async def is_public(self, agent: Agent) -> bool:
        """Return whether calls need no key. Raises NotFound, Unavailable."""
        return (await self._endpoints.get(agent.workflow_id)).is_public

    async def _set_access(self, caller: Caller, agent: Agent, is_public: bool | None) -> None:
        if is_public is not None and is_public is not await self.is_public(agent):
            await self._publishing.set_access(caller, agent.workflow_id, UpdateAccess(is_public=is_public))

    async def _settled(self, caller: Caller, action: str, agent: Agent, **notes: AgentSettings) -> None:
        self._serving.forget(agent.id)
        await self._note(caller, action, agent, **notes)
        await self._settle()

    async def _note(
        self,
        caller: Caller,
        action: str,
        agent: Agent,
        *,
        before: AgentSettings | None = None,
        after: AgentSettings | None = None,
    ) -> None:
        name = agent.settings.name
        await self._audit.record(
            caller, action, target_id=agent.workflow_id, target_name=name, before=_shown(before), after=_shown(after)
        )


def _shown(settings: AgentSettings | None) -> dict[str, Any] | None:
    if settings is None:
        return None
    return {
        "name": settings.name,
        "skills": [each.id for each in settings.skills],
        "isPublished": settings.is_published,
    }
