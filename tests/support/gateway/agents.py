"""Agents in memory."""

import msgspec
from tests.support.gateway.clock import NOON

from shared.contracts.agents import Agent, AgentSettings, CreateAgent
from shared.errors import Conflict, NotFound


class FakeAgents:
    """Implements AgentClient."""

    def __init__(self) -> None:
        self.kept: dict[str, Agent] = {}

    async def create(self, request: CreateAgent) -> Agent:
        if await self.of(request.workspace_id, request.workflow_id):
            raise Conflict("Workflow already has an agent")
        agent = Agent(
            id=f"A{len(self.kept) + 1}",
            workspace_id=request.workspace_id,
            workflow_id=request.workflow_id,
            settings=request.settings,
            created_at=NOON,
            updated_at=NOON,
        )
        self.kept[agent.id] = agent
        return agent

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        return next((agent for agent in self.kept.values() if agent.workflow_id == workflow_id), None)

    async def get(self, agent_id: str) -> Agent:
        if agent_id not in self.kept:
            raise NotFound("Agent not found")
        return self.kept[agent_id]

    async def save(self, agent: Agent, settings: AgentSettings) -> Agent:
        if (await self.get(agent.id)).revision != agent.revision:
            raise Conflict("The agent has changed since it was loaded. Reload it and try again.")
        self.kept[agent.id] = msgspec.structs.replace(agent, settings=settings, revision=agent.revision + 1)
        return self.kept[agent.id]

    async def delete(self, agent_id: str) -> None:
        self.kept.pop(agent_id, None)
