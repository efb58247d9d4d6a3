"""One session with an MCP server: connect, call one tool, leave."""

import asyncio
import logging
from importlib.metadata import version
from typing import Final

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import PARSE_ERROR, CallToolResult, Implementation, TextContent
from pydantic import ValidationError

from executor_service.blocks.http.request import USER_AGENT
from executor_service.blocks.mcp.request import ToolRequest
from executor_service.blocks.mcp.transport import OutboundTransport
from executor_service.engine import BlockFailure
from executor_service.net import OutboundClient
from shared.workflow.jsvalues import Json

MAX_EVENT_BYTES: Final = 10 * 1024 * 1024
MAX_REASON: Final = 4_000
"""Characters that a server may say of a failure."""
NO_MCP: Final = "The MCP server's answer does not follow the protocol"
_US: Final = Implementation(name="flowport", version=version("flowport-executor-service"))

# What goes wrong is told in the run. The library would write what servers said into the worker's log, too.
logging.getLogger("mcp.client").setLevel(logging.CRITICAL)


async def call_tool(outbound: OutboundClient, request: ToolRequest) -> list[Json]:
    """The content that the tool gave. Raises BlockFailure in the server's words."""
    transport = OutboundTransport(outbound, request.workspace_id, request.seconds)
    try:
        async with asyncio.timeout(request.seconds):
            result = await _called(transport, request)
    except TimeoutError:
        raise BlockFailure(f"The MCP server did not answer within {request.seconds:g} seconds") from None
    except (MCPError, ValidationError, httpx2.HTTPError, ExceptionGroup) as error:
        raise BlockFailure(_told(error, transport.problem)[:MAX_REASON]) from error
    if result.is_error:
        raise BlockFailure(_texts(result)[:MAX_REASON] or "The MCP tool failed without a reason")
    return [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]


async def _called(transport: OutboundTransport, request: ToolRequest) -> CallToolResult:
    headers = {"User-Agent": USER_AGENT, **request.headers}
    async with httpx2.AsyncClient(transport=transport, headers=headers) as http:
        connection = streamable_http_client(request.url, http_client=http, max_sse_event_size=MAX_EVENT_BYTES)
        async with Client(connection, client_info=_US, read_timeout_seconds=request.seconds, cache=None) as client:
            return await client.call_tool(request.tool, dict(request.arguments))


def _told(error: Exception, problem: str | None) -> str:
    """What went wrong. Task groups wrap what was raised in them, once or more."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError) or (isinstance(error, MCPError) and error.code == PARSE_ERROR):
        return NO_MCP
    if isinstance(error, MCPError):
        return error.message if problem is None else f"{error.message} ({problem})"
    return problem or str(error)


def _texts(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
