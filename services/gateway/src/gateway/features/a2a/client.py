"""Agents at deploy-service."""

from typing import Protocol

from gateway.publications.client import PublicationClient
from shared.contracts.agents import Agent


class AgentClient(PublicationClient[Agent], Protocol):
    """Port of agents."""

    async def of(self, workspace_id: str, workflow_id: str) -> Agent | None:
        """Return this workflow's agent."""
