"""MCP servers at deploy-service."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.tool_servers import ToolServer, ToolServerSettings


class ToolServerClient(Protocol):
    """Port of MCP servers. Every method raises Unavailable."""

    async def servers(self, workspace_id: str) -> Sequence[ToolServer]:
        """Return the workspace's servers, oldest first."""
        ...

    async def server(self, server_id: str) -> ToolServer:
        """Raises NotFound."""
        ...

    async def create_server(self, workspace_id: str, settings: ToolServerSettings) -> ToolServer:
        """Raises InvalidRequest, NotFound."""
        ...

    async def save_server(self, server: ToolServer, settings: ToolServerSettings) -> ToolServer:
        """Replace the settings of an unchanged server. Raises NotFound, InvalidRequest, Conflict."""
        ...

    async def delete_server(self, server_id: str) -> None: ...
