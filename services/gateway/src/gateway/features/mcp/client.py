"""Tool servers at deploy-service."""

from collections.abc import Sequence
from typing import Protocol

from gateway.publications.client import PublicationClient
from shared.contracts.tool_servers import ToolServer


class ToolServerClient(PublicationClient[ToolServer], Protocol):
    """Port of tool servers."""

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        """Return the workspace's servers, oldest first."""
