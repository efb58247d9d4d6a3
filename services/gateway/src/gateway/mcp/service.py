"""MCP servers: published by their authors, and called by their clients."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.publications.service import Publications, publication_cache
from gateway.workflows.endpoints import Endpoints, Interfaces
from gateway.workflows.interface import input_schema
from shared.clients.deploy.publications import HttpToolServerClient
from shared.clock import Clock
from shared.contracts.tool_servers import CreateToolServer, ToolServer, ToolServerSettings, WorkflowTool
from shared.errors import InvalidRequest, NotDeployed, NotFound
from shared.workflow.format.input_validation import InputValidation
from shared.workflow.format.js_values import JsonObject

MAX_NAME: Final = 64


_UNFIT: Final = re.compile(r"[^a-z0-9]+")


class OfferedTool(msgspec.Struct, frozen=True):
    """Tool as a model sees it."""

    name: str
    description: str
    input_schema: JsonObject


class PublishedTools:
    """Cache of servers, for at most a second. Tools run live versions; workflows without one are not offered."""

    def __init__(self, servers: HttpToolServerClient, interfaces: Interfaces, clock: Clock) -> None:
        self._interfaces = interfaces
        self._servers = publication_cache(servers.get, clock, what="tool_servers")

    async def find(self, server_id: str) -> ToolServer:
        """Return the server with this id. Raises NotFound, Unavailable."""
        server = await self._servers.get(server_id)
        if server is None:
            raise NotFound("Server not found")
        return server

    def tool(self, server: ToolServer, caller: Caller, name: str) -> WorkflowTool | None:
        """Return the tool with this name, None if this caller has none."""
        return next((tool for tool in self._for(server, caller) if tool.name == name), None)

    async def offered(self, server: ToolServer, caller: Caller) -> Sequence[OfferedTool]:
        """Return all tools of this caller. Raises Unavailable."""
        found = [await self._described(tool) for tool in self._for(server, caller)]
        return [tool for tool in found if tool is not None]

    def forget(self, server_id: str) -> None:
        """Invalidate the cached server."""
        self._servers.drop(server_id)

    def _for(self, server: ToolServer, caller: Caller) -> Sequence[WorkflowTool]:
        return [tool for tool in server.settings.tools if caller.covers(tool.workflow_id)]

    async def _described(self, tool: WorkflowTool) -> OfferedTool | None:
        try:
            published = await self._interfaces.of(tool.workflow_id, None)
        except (NotDeployed, NotFound):
            return None
        description = tool.description or published.description or f"Runs {published.endpoint.name}"
        is_strict = published.endpoint.input_validation == InputValidation.STRICT
        schema = input_schema(published.interface, tool.parameter_descriptions, is_strict=is_strict)
        return OfferedTool(tool.name, description, schema)


class ToolServerPublications(Publications[ToolServer]):
    """Service whose changes need the admin scope: a public server lets strangers run its workflows.

    A server belongs to the workspace and may hold any of its workflows: keys limited to some workflows have no access.
    """

    noun = "server"
    audited_as = "mcp_server"

    def __init__(
        self,
        servers: HttpToolServerClient,
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
