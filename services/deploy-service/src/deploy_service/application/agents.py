"""Workflows published as agents for external agents."""

from deploy_service.application.publications import changed_publication, new_publication, outlasting
from deploy_service.domain.agent import checked_settings
from deploy_service.ports import AgentRepository, WorkflowRepository
from shared.clock import Clock
from shared.contracts.agents import Agent, AgentLookup, AgentSettings, CreateAgent
from shared.errors import Conflict, NotFound


class Agents:
    """Manages agents. The gateway checks permissions."""

    def __init__(self, agents: AgentRepository, workflows: WorkflowRepository, clock: Clock) -> None:
        self._agents = agents
        self._workflows = workflows
        self._clock = clock

    async def create(self, request: CreateAgent) -> Agent:
        """Create an agent. Raises InvalidRequest, NotFound, Conflict."""
        settings = checked_settings(request.settings)
        agent = await new_publication(Agent, request, settings, workflows=self._workflows, clock=self._clock)
        if not await self._agents.add(agent):
            raise Conflict("Workflow is an agent already")
        return await outlasting(agent, self._agents, workflows=self._workflows)

    async def of(self, workspace_id: str, workflow_id: str) -> AgentLookup:
        """Return a workflow's agent."""
        agent = await self._agents.of(workflow_id)
        return AgentLookup(agent if agent is not None and agent.workspace_id == workspace_id else None)

    async def get(self, agent_id: str) -> Agent:
        """Return an agent. Raises NotFound."""
        agent = await self._agents.get(agent_id)
        if agent is None:
            raise NotFound("Agent not found")
        return agent

    async def save(self, agent_id: str, settings: AgentSettings, expected_revision: int | None = None) -> Agent:
        """Replace the settings, if `expected_revision` matches or is absent.

        Raises NotFound, InvalidRequest, Conflict.
        """
        agent = await self.get(agent_id)
        changed = changed_publication(agent, checked_settings(settings), clock=self._clock)
        if not await self._agents.replace(changed, expected_revision=expected_revision or agent.revision):
            raise Conflict("The agent was changed in between")
        return changed

    async def delete(self, agent_id: str) -> None:
        """Delete an agent."""
        await self._agents.delete(agent_id)
