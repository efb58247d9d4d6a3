"""Agents at deploy-service."""

from typing import Protocol

from shared.contracts.agents import Agent, AgentSettings, CreateAgent


class AgentClient(Protocol):
    """Port of agents. Every method raises Unavailable."""

    async def create(self, request: CreateAgent) -> Agent:
        """Raises InvalidRequest, NotFound, Conflict."""
        ...

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        """Return this workflow's agent."""
        ...

    async def get(self, agent_id: str) -> Agent:
        """Raises NotFound."""
        ...

    async def save(self, agent: Agent, settings: AgentSettings) -> Agent:
        """Replace the settings of `agent`. Raises NotFound, InvalidRequest, Conflict (changed concurrently)."""
        ...

    async def delete(self, agent_id: str) -> None: ...
