"""Agents at deploy-service, over internal HTTP."""

from shared.contracts.agents import Agent, AgentLookup, AgentSettings, CreateAgent
from shared.web.client import InternalClient
from shared.web.paths import path_of


class HttpAgentClient:
    """Implements AgentClient."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def create(self, request: CreateAgent) -> Agent:
        return await self._client.call("POST", path_of("agents"), body=request, returns=Agent)

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        path = path_of("workflows", workflow_id, "agent", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=AgentLookup)).agent

    async def get(self, agent_id: str) -> Agent:
        return await self._client.call("GET", path_of("agents", agent_id), returns=Agent)

    async def save(self, agent: Agent, settings: AgentSettings) -> Agent:
        path = path_of("agents", agent.id, expected_revision=agent.revision)
        return await self._client.call("PUT", path, body=settings, returns=Agent)

    async def delete(self, agent_id: str) -> None:
        await self._client.call("DELETE", path_of("agents", agent_id))
