"""MCP servers for their authors."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.access.application.audit import AuditLog
from gateway.access.domain.credentials import Caller, Scope
from gateway.features.mcp.tools import PublishedTools, ToolServerClient
from gateway.publications.service import Publications
from gateway.workflows.application.endpoints import Endpoints
from shared.contracts.tool_servers import CreateToolServer, ToolServer, ToolServerSettings, WorkflowTool
from shared.errors import InvalidRequest, NotFound

MAX_NAME: Final = 64
_UNFIT: Final = re.compile(r"[^a-z0-9]+")


class ToolServerPublications(Publications[ToolServer]):
    """Service whose changes need the admin scope: a public server lets strangers run its workflows.

    A server belongs to the workspace and may hold any of its workflows: keys limited to some workflows have no access.
    """

    noun = "server"
    audited_as = "mcp_server"

    def __init__(
        self,
        servers: ToolServerClient,
        endpoints: Endpoints,
        published: PublishedTools,
        audit: AuditLog,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(servers, audit, settle)
        self._servers = servers
        self._endpoints = endpoints
        self._published = published

    async def of(self, caller: Caller) -> Sequence[ToolServer]:
        """Return the servers of the caller's workspace. Raises Forbidden, Unavailable."""
        caller.require_throughout(Scope.READ)
        return await self._servers.of(caller.workspace.id)

    async def create(self, caller: Caller, settings: ToolServerSettings, workflow_ids: Sequence[str]) -> ToolServer:
        """Create a server with these workflows. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        tools = tuple([await self._tool(caller, workflow_id, None) for workflow_id in workflow_ids])
        settings = msgspec.structs.replace(settings, tools=tools)
        server = await self._create(CreateToolServer(caller.workspace.id, settings))
        await self._record(caller, "created", server, after=server)
        return server

    async def change(self, caller: Caller, server_id: str, changes: Mapping[str, Any]) -> ToolServer:
        """Change settings by name. Raises NotFound, Forbidden, InvalidRequest, Unavailable."""
        return await self._save(caller, server_id, lambda server: msgspec.structs.replace(server.settings, **changes))

    async def add_tool(
        self, caller: Caller, server_id: str, workflow_id: str, name: str | None, changes: Mapping[str, Any]
    ) -> WorkflowTool:
        """Add a workflow as a tool. Raises what `change` raises."""
        entered, _ = await self.get(caller, server_id, scope=Scope.ADMIN)
        tool = msgspec.structs.replace(await self._tool(entered, workflow_id, name), **changes)
        await self._save(caller, server_id, lambda server: _with_tools(server, (*server.settings.tools, tool)))
        return tool

    async def change_tool(
        self, caller: Caller, server_id: str, workflow_id: str, changes: Mapping[str, Any]
    ) -> WorkflowTool:
        """Change a tool's name or description. Raises what `change` raises."""

        def changed(server: ToolServer) -> ToolServerSettings:
            found = tool_of(server, workflow_id)
            other = msgspec.structs.replace(found, **changes)
            return _with_tools(server, tuple(other if tool is found else tool for tool in server.settings.tools))

        return tool_of(await self._save(caller, server_id, changed), workflow_id)

    async def remove_tool(self, caller: Caller, server_id: str, workflow_id: str) -> None:
        """Remove a tool. Raises what `change` raises."""

        def without(server: ToolServer) -> ToolServerSettings:
            removed = tool_of(server, workflow_id)
            return _with_tools(server, tuple(tool for tool in server.settings.tools if tool is not removed))

        await self._save(caller, server_id, without)

    async def _tool(self, caller: Caller, workflow_id: str, name: str | None) -> WorkflowTool:
        endpoint = await self._endpoints.get(workflow_id)
        if endpoint.workspace_id != caller.workspace.id:
            raise NotFound("Workflow not found")
        if not endpoint.is_deployed:
            raise InvalidRequest("Workflow must be deployed before it can be a tool")
        return WorkflowTool(workflow_id=workflow_id, name=name or tool_name(endpoint.name))

    async def _save(
        self, caller: Caller, server_id: str, decide: Callable[[ToolServer], ToolServerSettings]
    ) -> ToolServer:
        async def decided(server: ToolServer) -> ToolServerSettings:
            return decide(server)

        _, server = await self._replace(caller, server_id, decided)
        return server

    def _admit(self, caller: Caller, publication: ToolServer, scope: Scope) -> Caller:
        caller = caller.within(publication.workspace_id)
        caller.require_throughout(scope)
        return caller

    def _target(self, publication: ToolServer) -> tuple[str, str]:
        return publication.id, publication.settings.name

    def _facts(self, publication: ToolServer) -> dict[str, Any]:
        settings = publication.settings
        return {"isPublic": settings.is_public, "tools": [tool.name for tool in settings.tools]}

    def _forget(self, publication: ToolServer) -> None:
        self._published.forget(publication.id)


def _with_tools(server: ToolServer, tools: tuple[WorkflowTool, ...]) -> ToolServerSettings:
    return msgspec.structs.replace(server.settings, tools=tools)


def tool_of(server: ToolServer, workflow_id: str) -> WorkflowTool:
    """Return the server's tool that runs this workflow. Raises NotFound."""
    found = next((tool for tool in server.settings.tools if tool.workflow_id == workflow_id), None)
    if found is None:
        raise NotFound("Tool not found")
    return found


def tool_name(workflow_name: str) -> str:
    """`Answer a Question!` becomes `answer_a_question`."""
    return _UNFIT.sub("_", workflow_name.lower()).strip("_")[:MAX_NAME].rstrip("_") or "workflow"
