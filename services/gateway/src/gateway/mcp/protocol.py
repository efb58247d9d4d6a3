"""The Model Context Protocol of our servers, over its official package.

Importing that package takes a third of the CPU time of a gateway's start, and few gateways get such calls: import this
module with the first of them.
"""

import asyncio
from contextvars import Context
from typing import Any, Final, cast

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway import metrics
from gateway.access.plans import RateKind
from gateway.mcp.server_routes import VERSION, IncomingRequest
from gateway.mcp.service import PublishedTools
from gateway.runs.requests import ExecuteRequest
from gateway.runs.stream_access import CallerAccess, never
from gateway.streams.services import EndpointServices
from gateway.web.errors import message_of
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.errors import FlowportError, InvalidRequest, NotDeployed, NotFound, Unauthenticated

_INCOMING: Final = "mcp_visit"
RequestContext = ServerRequestContext[Any, Any]


class ToolProtocol:
    """Lists tools and calls them for messages of the protocol. It starts and stops once."""

    def __init__(self, services: EndpointServices, published: PublishedTools, *, max_body_bytes: int) -> None:
        self._services = services
        self._published = published
        server: Server[Any] = Server(
            "flowport", version=VERSION, on_list_tools=self._list_tools, on_call_tool=self._call_tool
        )
        self._manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=max_body_bytes
        )
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the package's server. Raises its errors."""
        ready = asyncio.get_running_loop().create_future()
        running = self._running = asyncio.create_task(self._run(ready), context=Context())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running

    async def stop(self) -> None:
        """Stop, ending open requests."""
        self._stopping.set()
        if self._running is not None:
            await self._running

    def answer(self, incoming: IncomingRequest, body: bytes) -> Response:
        """Return the response to one message."""
        return _Exchange(self._manager, {**incoming.request.scope, _INCOMING: incoming}, body)

    async def _run(self, ready: asyncio.Future[None]) -> None:
        async with self._manager.run():
            ready.set_result(None)
            await self._stopping.wait()

    async def _list_tools(self, context: RequestContext, params: PaginatedRequestParams | None) -> ListToolsResult:
        incoming = _incoming_of(context)
        try:
            await self._services.rate_limits.count(incoming.request, incoming.caller, RateKind.API)
            offered = await self._published.offered(incoming.server, incoming.caller)
        except FlowportError as error:
            raise _protocol_error(error) from error
        return ListToolsResult(
            tools=[
                Tool(name=tool.name, description=tool.description, input_schema=tool.input_schema) for tool in offered
            ]
        )

    async def _call_tool(self, context: RequestContext, params: CallToolRequestParams) -> CallToolResult:
        incoming = _incoming_of(context)
        try:
            return await self._call(incoming, params)
        except FlowportError as error:
            raise _protocol_error(error) from error

    async def _call(self, incoming: IncomingRequest, params: CallToolRequestParams) -> CallToolResult:
        tool = self._published.tool(incoming.server, incoming.caller, params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
        caller, endpoint = await self._services.executions.authorize(incoming.caller, tool.workflow_id)
        run_request = ExecuteRequest(
            mode=RunMode.SYNC,
            input=msgspec.json.encode(params.arguments or {}),
            trigger=Trigger.MCP,
            checks_input=True,
            call_chain=incoming.call_chain,
        )
        run = await self._services.executions.attach(caller, endpoint, run_request)
        caller_access = self._caller_access(incoming, tool.workflow_id)
        outcome, output = await self._services.attached.result(
            incoming.request, run, endpoint.workspace_id, caller_access
        )
        if outcome.status in (RunStatus.FAILED, RunStatus.CANCELLED):
            text = outcome.error.text if outcome.error else f"The run was {outcome.status}"
            return _text(text, is_error=True)
        return _text(msgspec.json.format(output, indent=2).decode(), is_error=False)

    def _caller_access(self, incoming: IncomingRequest, workflow_id: str) -> CallerAccess:
        """Return the access that a waiting call depends on: the caller's own, or the server being public."""
        if not incoming.caller.is_public:
            return self._services.access.of(incoming.caller, workflow_id)
        server_id = incoming.server.id

        async def check() -> None:
            if not (await self._published.find(server_id)).settings.is_public:
                raise Unauthenticated("Unauthorized")

        return self._services.access.by(("mcp", server_id), check)


class _Exchange(Response):
    """Response of the MCP server, which reads the body to its end. Only the run is notified of a disconnect."""

    def __init__(self, manager: StreamableHTTPSessionManager, scope: Scope, body: bytes) -> None:
        self._manager = manager
        self._scope = scope
        self._body: bytes | None = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(self._scope, self._replay, send)

    async def _replay(self) -> Message:
        if self._body is None:
            return await never()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _incoming_of(context: RequestContext) -> IncomingRequest:
    incoming: IncomingRequest = cast("Request", context.request).scope[_INCOMING]
    return incoming


def _text(text: str, *, is_error: bool) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=is_error)


def _protocol_error(error: FlowportError) -> MCPError:
    """Return the message for a call that was refused or lost."""
    metrics.count_refusal(error)
    kind = INVALID_PARAMS if isinstance(error, InvalidRequest | NotFound | NotDeployed) else INTERNAL_ERROR
    data = {"code": error.code, **({} if error.retry_after is None else {"retryAfterSeconds": error.retry_after})}
    return MCPError(kind, message_of(error), data)
