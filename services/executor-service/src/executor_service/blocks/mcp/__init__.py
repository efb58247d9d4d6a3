"""MCP client for the block and for agents' tools."""

import asyncio
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Protocol

from executor_service.blocks.mcp.request import Server, ServerTool, ToolRequest, read_request, read_server
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from shared.net import OutboundClient
from shared.workflow.format.js_values import Json

__all__ = ["McpHandler", "McpServers", "Server", "ServerTool", "ToolRequest", "read_server"]


class McpServers:
    """MCP servers by URL, called over streamable HTTP through the guarded network.

    Each call and each listing uses a separate session.
    """

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def call(self, request: ToolRequest) -> list[Json]:
        """Return a tool's content. Raises BlockFailure with the server's message."""
        client = await asyncio.to_thread(_client)
        return await client.call_tool(self._outbound, request)

    async def tools(self, server: Server) -> Sequence[ServerTool]:
        """Return the tools that a server offers. Raises BlockFailure with the server's message."""
        client = await asyncio.to_thread(_client)
        return await client.list_tools(self._outbound, server)


class McpHandler(BlockHandler):
    """Calls a tool of an MCP server."""

    def __init__(self, servers: McpServers) -> None:
        self._servers = servers

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Call the tool."""
        return BlockResult({"content": await self._servers.call(read_request(call, inputs.params))})


class _Client(Protocol):
    """The module that imports the library."""

    async def call_tool(self, outbound: OutboundClient, request: ToolRequest) -> list[Json]: ...

    async def list_tools(self, outbound: OutboundClient, server: Server) -> Sequence[ServerTool]: ...


@cache
def _client() -> _Client:
    """Load the large client on first use: few workflows need it."""
    client: _Client = import_module("executor_service.blocks.mcp.client")
    return client
