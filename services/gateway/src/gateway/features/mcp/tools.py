"""MCP servers for their clients: tools and their inputs."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.access.domain.credentials import Caller
from gateway.publications.service import PublicationClient, publication_cache
from gateway.workflows.application.endpoints import Interfaces
from gateway.workflows.domain.openapi import input_schema
from shared.clock import Clock
from shared.contracts.tool_servers import ToolServer, WorkflowTool
from shared.errors import NotDeployed, NotFound
from shared.workflow.format.input_validation import InputValidation
from shared.workflow.format.js_values import JsonObject


class ToolServerClient(PublicationClient[ToolServer], Protocol):
    """Port of tool servers."""

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        """Return the workspace's servers, oldest first."""


class OfferedTool(msgspec.Struct, frozen=True):
    """Tool as a model sees it."""

    name: str
    description: str
    input_schema: JsonObject


class PublishedTools:
    """Cache of servers, for at most a second. Tools run live versions; workflows without one are not offered."""

    def __init__(self, servers: ToolServerClient, interfaces: Interfaces, clock: Clock) -> None:
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
