"""deploy-service, as far as agents go."""

from typing import Protocol

from shared.contracts.agents import Agent, AgentSettings, CreateAgent


class AgentClient(Protocol):
    """Where agents are kept. Every method raises Unavailable."""

    async def create(self, request: CreateAgent) -> Agent:
        """Raises InvalidRequest, NotFound, Conflict."""
        ...

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        """What this workflow is."""
        ...

    async def get(self, agent_id: str) -> Agent:
        """Raises NotFound."""
        ...

    async def save(self, agent: Agent, settings: AgentSettings) -> Agent:
        """Settings in place of those of `agent`. Raises NotFound, InvalidRequest, Conflict (others are there)."""
        ...

    async def delete(self, agent_id: str) -> None:
        """It is no more."""
        ...
