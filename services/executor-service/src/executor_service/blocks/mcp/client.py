"""One session with an MCP server: connect, call or list tools, disconnect."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import PARSE_ERROR, CallToolResult, Implementation, TextContent
from pydantic import ValidationError

from executor_service.blocks.mcp.request import Server, ServerTool, ToolRequest
from executor_service.blocks.mcp.transport import OutboundTransport
from executor_service.engine import BlockFailure
from shared.net import OutboundClient
from shared.net.headers import USER_AGENT
from shared.observe.logging import get_logger
from shared.workflow.format.js_values import Json

MAX_EVENT_BYTES: Final = 10 * 1024 * 1024
MAX_REASON: Final = 4_000
"""Limit for characters of a server's error."""
MAX_PAGES: Final = 10
MAX_TOOLS: Final = 128
"""Limit for a server's tools offered to a model; more would overwhelm it."""
PROTOCOL_VIOLATION: Final = "The MCP server's response violates the protocol"
_CLIENT_INFO: Final = Implementation(name="flowport", version=version("flowport-executor-service"))

log = get_logger("mcp")

# The run reports errors. The library would write servers' messages into the worker's log, too.
logging.getLogger("mcp.client").setLevel(logging.CRITICAL)


async def call_tool(outbound: OutboundClient, request: ToolRequest) -> list[Json]:
    """Return the tool's content. Raises BlockFailure with the server's message."""
    async with _session(outbound, request.server) as client:
        client.session.validate_tool_result = _skip_validation  # type: ignore[method-assign]
        result = await client.call_tool(request.tool, dict(request.arguments))
    if result.is_error:
        raise BlockFailure(_texts(result)[:MAX_REASON] or "The MCP tool failed without a reason")
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]


async def list_tools(outbound: OutboundClient, server: Server) -> list[ServerTool]:
    """Return the tools that the server offers, page by page. Raises BlockFailure with the server's message."""
    offered: list[ServerTool] = []
    cursor: str | None = None
    async with _session(outbound, server) as client:
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            offered += [ServerTool(tool.name, tool.description or "", tool.input_schema) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None or len(offered) >= MAX_TOOLS:
                break
    tools = offered[:MAX_TOOLS]
    if cursor is not None or len(offered) > len(tools):
        host = urlsplit(server.url).hostname
        log.warning("mcp_tools_dropped", host=host, workspace_id=server.workspace_id, offered=len(tools))
    return tools


@asynccontextmanager
async def _session(outbound: OutboundClient, server: Server) -> AsyncIterator[Client]:
    """Open a session with the server. Raises BlockFailure for any error in it."""
    transport = OutboundTransport(outbound, server.workspace_id, server.seconds)
    try:
        async with asyncio.timeout(server.seconds), _connect(transport, server) as client:
            yield client
    except TimeoutError:
        raise BlockFailure(f"The MCP server did not respond within {server.seconds:g} seconds") from None
    except (MCPError, ValidationError, httpx2.HTTPError, RuntimeError, ExceptionGroup) as error:
        raise BlockFailure(_error_text(error, transport.problem)[:MAX_REASON]) from error


@asynccontextmanager
async def _connect(transport: OutboundTransport, server: Server) -> AsyncIterator[Client]:
    headers = httpx2.Headers({"User-Agent": USER_AGENT, **server.headers}, encoding="utf-8")
    async with httpx2.AsyncClient(transport=transport, headers=headers) as http:
        connection = streamable_http_client(server.url, http_client=http, max_sse_event_size=MAX_EVENT_BYTES)
        async with Client(
            connection, client_info=_CLIENT_INFO, read_timeout_seconds=server.seconds, cache=None
        ) as client:
            yield client


async def _skip_validation(name: str, result: CallToolResult) -> None:
    """Replace the library's check of an answer against the server's own schema.

    Flowport does not rely on it. A pattern in the schema is a regular expression, which could block this process
    forever.
    """


def _error_text(error: Exception, problem: str | None) -> str:
    """Return the error. Task groups wrap errors once or more."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError) or (isinstance(error, MCPError) and error.code == PARSE_ERROR):
        return PROTOCOL_VIOLATION
    if isinstance(error, MCPError):
        return error.message if problem is None else f"{error.message} ({problem})"
    return problem or str(error)


def _texts(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
