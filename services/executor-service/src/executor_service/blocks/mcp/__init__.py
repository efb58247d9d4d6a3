"""Calls a tool of an MCP server."""

import asyncio
from functools import cache
from importlib import import_module
from typing import Protocol

from executor_service.blocks.mcp.request import ToolRequest, read_request
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from executor_service.net import OutboundClient
from shared.workflow.jsvalues import Json


class McpHandler(BlockHandler):
    """The server is named by its URL and spoken to over streamable HTTP, through the guarded way out."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Call the tool."""
        request = read_request(call, inputs.params)
        call_tool = await asyncio.to_thread(_tool_caller)
        return BlockResult({"content": await call_tool(self._outbound, request)})


class ToolCaller(Protocol):
    """Calls one tool, in a session of its own."""

    async def __call__(self, outbound: OutboundClient, request: ToolRequest) -> list[Json]:
        """The content that the tool gave. Raises BlockFailure in the server's words."""
        ...


@cache
def _tool_caller() -> ToolCaller:
    """The client is large, and few workflows need it: it is loaded when the first one does."""
    caller: ToolCaller = import_module("executor_service.blocks.mcp.client").call_tool
    return caller
