"""MCP servers in memory."""

from collections.abc import Sequence

import msgspec
from tests.support.gateway.clock import NOON

from shared.contracts.tool_servers import CreateToolServer, ToolServer, ToolServerSettings
from shared.errors import Conflict, NotFound


class FakeToolServers:
    """Implements ToolServerClient."""

    def __init__(self) -> None:
        self.kept: dict[str, ToolServer] = {}

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        return [server for server in self.kept.values() if server.workspace_id == workspace_id]

    async def get(self, server_id: str) -> ToolServer:
        if server_id not in self.kept:
            raise NotFound("Server not found")
        return self.kept[server_id]

    async def create(self, request: CreateToolServer) -> ToolServer:
        server = ToolServer(
            id=f"S{len(self.kept) + 1}",
            workspace_id=request.workspace_id,
            settings=request.settings,
            revision=1,
            created_at=NOON,
            updated_at=NOON,
        )
        self.kept[server.id] = server
        return server

    async def save(self, server: ToolServer, settings: ToolServerSettings) -> ToolServer:
        if self.kept[server.id].revision != server.revision:
            raise Conflict("The server has changed since it was loaded. Reload it and try again.")
        changed = msgspec.structs.replace(server, settings=settings, revision=server.revision + 1)
        self.kept[server.id] = changed
        return changed

    async def delete(self, server_id: str) -> None:
        self.kept.pop(server_id, None)
