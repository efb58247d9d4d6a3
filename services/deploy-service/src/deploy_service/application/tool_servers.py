"""MCP servers whose tools are workflows."""

import msgspec

from deploy_service.application.timestamps import timestamp
from deploy_service.domain.tool_server import SERVERS_LIMIT, checked_settings
from deploy_service.ports import ToolServerRepository, WorkflowRepository
from shared.bounded_inserts import BoundedInserts
from shared.clock import Clock
from shared.contracts import tool_servers as contracts
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import new_id


class ToolServers:
    """Manages MCP servers. The gateway checks permissions."""

    def __init__(self, servers: ToolServerRepository, workflows: WorkflowRepository, clock: Clock) -> None:
        self._servers = servers
        self._workflows = workflows
        self._clock = clock
        self._bounded = BoundedInserts()

    async def create(self, request: contracts.CreateToolServer) -> contracts.ToolServer:
        """Create a server. Raises InvalidRequest, NotFound."""
        settings = await self._checked(request.workspace_id, request.settings)
        now = timestamp(self._clock)
        server = contracts.ToolServer(
            id=new_id(),
            workspace_id=request.workspace_id,
            settings=settings,
            revision=1,
            created_at=now,
            updated_at=now,
        )

        async def count() -> int:
            return len(await self._servers.of(server.workspace_id, SERVERS_LIMIT + 1))

        async def add() -> contracts.ToolServer:
            await self._servers.add(server)
            return server

        added = await self._bounded.insert(
            server.workspace_id,
            SERVERS_LIMIT,
            count=count,
            insert=add,
            delete=lambda added: self._servers.delete(added.id),
        )
        if added is None:
            raise InvalidRequest(f"A workspace has at most {SERVERS_LIMIT} MCP servers")
        return added

    async def of(self, workspace_id: str) -> contracts.ToolServers:
        """Return all servers of the workspace."""
        return contracts.ToolServers(tuple(await self._servers.of(workspace_id, SERVERS_LIMIT)))

    async def get(self, server_id: str) -> contracts.ToolServer:
        """Return a server. Raises NotFound."""
        server = await self._servers.get(server_id)
        if server is None:
            raise NotFound("Server not found")
        return server

    async def save(self, server_id: str, request: contracts.SaveToolServer) -> contracts.ToolServer:
        """Replace the settings. Raises NotFound, InvalidRequest, Conflict."""
        server = await self.get(server_id)
        changed = msgspec.structs.replace(
            server,
            settings=await self._checked(server.workspace_id, request.settings),
            revision=request.expected_revision + 1,
            updated_at=timestamp(self._clock),
        )
        if not await self._servers.replace(changed, expected_revision=request.expected_revision):
            raise Conflict("The server was changed in between")
        return changed

    async def delete(self, server_id: str) -> None:
        """Delete a server."""
        await self._servers.delete(server_id)

    async def _checked(self, workspace_id: str, settings: contracts.ToolServerSettings) -> contracts.ToolServerSettings:
        checked = checked_settings(settings)
        found = {tool.workflow_id: await self._workflows.get(tool.workflow_id) for tool in checked.tools}
        if any(workflow is not None and workflow.workspace_id != workspace_id for workflow in found.values()):
            raise NotFound("Workflow not found")
        # A deleted workflow's tools are removed.
        left = tuple(tool for tool in checked.tools if found[tool.workflow_id] is not None)
        return msgspec.structs.replace(checked, tools=left)
