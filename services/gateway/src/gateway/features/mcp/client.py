"""MCP servers at deploy-service, over internal HTTP."""

from collections.abc import Sequence

from shared.contracts.tool_servers import (
    CreateToolServer,
    SaveToolServer,
    ToolServer,
    ToolServers,
    ToolServerSettings,
)
from shared.web.client import InternalClient
from shared.web.paths import path_of


class HttpToolServerClient:
    """Implements ToolServerClient."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def servers(self, workspace_id: str) -> Sequence[ToolServer]:
        path = path_of("tool-servers", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=ToolServers)).servers

    async def server(self, server_id: str) -> ToolServer:
        return await self._client.call("GET", path_of("tool-servers", server_id), returns=ToolServer)

    async def create_server(self, workspace_id: str, settings: ToolServerSettings) -> ToolServer:
        body = CreateToolServer(workspace_id, settings)
        return await self._client.call("POST", path_of("tool-servers"), body=body, returns=ToolServer)

    async def save_server(self, server: ToolServer, settings: ToolServerSettings) -> ToolServer:
        body = SaveToolServer(settings, server.revision)
        return await self._client.call("PUT", path_of("tool-servers", server.id), body=body, returns=ToolServer)

    async def delete_server(self, server_id: str) -> None:
        await self._client.call("DELETE", path_of("tool-servers", server_id))
