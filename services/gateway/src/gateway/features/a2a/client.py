"""Agents at deploy-service."""

from typing import Protocol

from gateway.publications.client import HttpPublicationClient, PublicationClient
from shared.contracts.agents import Agent, AgentLookup
from shared.web.client import InternalClient
from shared.web.paths import path_of


class AgentClient(PublicationClient[Agent], Protocol):
    """Port of agents."""

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        """Return this workflow's agent."""


class HttpAgentClient(HttpPublicationClient[Agent]):
    """Implements AgentClient."""

    def __init__(self, client: InternalClient) -> None:
        super().__init__(client, "agents", Agent)

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        path = path_of("workflows", workflow_id, "agent", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=AgentLookup)).agent
