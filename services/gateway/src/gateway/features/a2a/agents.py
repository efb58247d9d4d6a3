"""Agents for their callers."""

from typing import Final, Protocol

import msgspec

from gateway.publications.service import PublicationClient, publication_cache
from gateway.workflows.application.endpoints import Endpoints
from gateway.workflows.application.interfaces import Interfaces, Published
from shared.clock import Clock
from shared.contracts.agents import Agent
from shared.contracts.deployments import Endpoint
from shared.errors import NotDeployed, NotFound


class AgentClient(PublicationClient[Agent], Protocol):
    """Port of agents."""

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        """Return this workflow's agent."""


MISSING: Final = "Agent not found"


class PublishedAgent(msgspec.Struct, frozen=True):
    """Published agent and its workflow."""

    agent: Agent
    endpoint: Endpoint


class PublishedAgents:
    """Cache of agents, for at most a second."""

    def __init__(self, agents: AgentClient, endpoints: Endpoints, interfaces: Interfaces, clock: Clock) -> None:
        self._endpoints = endpoints
        self._interfaces = interfaces
        self._agents = publication_cache(agents.get, clock, what="agents")

    async def find(self, agent_id: str) -> PublishedAgent:
        """Return the agent with this id. Raises NotFound, Unavailable."""
        agent = await self._agents.get(agent_id)
        endpoint = await self._endpoints.find(agent.workflow_id) if agent else None
        if agent is None or endpoint is None or not agent.settings.is_published:
            raise NotFound(MISSING)
        return PublishedAgent(agent, endpoint)

    async def live_version(self, agent_id: str) -> tuple[Agent, Published]:
        """Return the agent and its live version. Raises NotFound (also without a live version), Unavailable."""
        found = await self.find(agent_id)
        try:
            return found.agent, await self._interfaces.of(found.agent.workflow_id, None)
        except NotDeployed:
            raise NotFound(MISSING) from None

    async def selection(self, agent: Agent) -> tuple[str, ...]:
        """Return the outputs whose text is streamed. Raises NotDeployed, NotFound, Unavailable."""
        return (await self._interfaces.of(agent.workflow_id, None)).interface.default_selection()

    def forget(self, agent_id: str) -> None:
        """Invalidate the cached agent."""
        self._agents.drop(agent_id)
