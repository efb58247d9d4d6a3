"""deploy-service, as far as MCP servers go."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.tool_servers import ToolServer, ToolServerSettings


class ToolServerClient(Protocol):
    """Where MCP servers are kept. Every method raises Unavailable."""

    async def servers(self, workspace_id: str) -> Sequence[ToolServer]:
        """Every one of the workspace, oldest first."""
        ...

    async def server(self, server_id: str) -> ToolServer:
        """Raises NotFound."""
        ...

    async def create_server(self, workspace_id: str, settings: ToolServerSettings) -> ToolServer:
        """Raises InvalidRequest, NotFound."""
        ...

    async def save_server(self, server: ToolServer, settings: ToolServerSettings) -> ToolServer:
        """Other settings for a server that is as it was read. Raises NotFound, InvalidRequest, Conflict."""
        ...

    async def delete_server(self, server_id: str) -> None:
        """It is no more."""
        ...
