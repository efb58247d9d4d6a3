"""`/api/mcp/serve/{serverId}`: Model Context Protocol over streamable HTTP, without sessions, with JSON answers."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from fastapi import APIRouter
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
from gateway.access.domain.credentials import Caller
from gateway.access.domain.credentials import Scope as KeyScope
from gateway.access.domain.rate_limits import RateKind
from gateway.features.mcp.tools import PublishedTools
from gateway.http.error_models import Refusal
from gateway.http.error_status import message_of, present_call_error, present_error
from gateway.http.routes import headers_of, plain
from gateway.http.schemas import answers
from gateway.parsing import json_body
from gateway.run_endpoints.services import EndpointServices
from gateway.runs.application.stream_access import CallerAccess
from gateway.runs.domain.call_chain import call_chain
from gateway.runs.domain.execute_request import ExecuteRequest
from gateway.streams.disconnects import never
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.contracts.tool_servers import ToolServer
from shared.errors import FlowportError, InvalidRequest, NotDeployed, NotFound, Unauthenticated
from shared.web.structs import StructResponse

VERSION: Final = "1.0.0"
PROTOCOL: Final = "2024-11-05"
_INCOMING: Final = "mcp_visit"
Context = ServerRequestContext[Any, Any]


class IncomingRequest(msgspec.Struct, frozen=True):
    """Request with its server and caller."""

    server: ToolServer
    caller: Caller
    request: Request
    call_chain: tuple[str, ...]


class McpEndpoint:
    """Endpoint that uses the protocol's official package. Access and rate limits are as everywhere."""

    def __init__(self, services: EndpointServices, published: PublishedTools, *, max_body_bytes: int) -> None:
        self._services = services
        self._published = published
        self._protocol: Server[Any] = Server(
            "flowport", version=VERSION, on_list_tools=self._list_tools, on_call_tool=self._call_tool
        )
        self._max_body_bytes = max_body_bytes
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the protocol's server. Raises its errors."""
        self._manager = StreamableHTTPSessionManager(  # one instance runs once
            self._protocol, json_response=True, stateless=True, max_request_body_size=self._max_body_bytes
        )
        self._stopping.clear()
        ready = asyncio.get_running_loop().create_future()
        running = self._running = asyncio.create_task(self._run(ready))
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running

    async def stop(self) -> None:
        """Stop, ending open requests."""
        self._stopping.set()
        if self._running is not None:
            await self._running

    async def _run(self, ready: asyncio.Future[None]) -> None:
        async with self._manager.run():
            ready.set_result(None)
            await self._stopping.wait()

    async def server_description(self, request: Request) -> Response:
        """Describe the server."""
        incoming = await self._identify(request)
        if "text/event-stream" in request.headers.get("accept", ""):
            return Response(status_code=405, headers={"allow": "POST"})
        capabilities: dict[str, Any] = {"tools": {}}
        return StructResponse(
            {
                "name": incoming.server.settings.name,
                "version": VERSION,
                "protocolVersion": PROTOCOL,
                "capabilities": capabilities,
            }
        )

    async def serve(self, request: Request) -> Response:
        """One message of the protocol."""
        self._services.admit(request)
        incoming = await self._identify(request)
        self._services.admit_to(request, incoming.server.workspace_id)
        body = json_body.repaired(
            json_body.bounded(await request.body())
        )  # the protocol's server refuses what our other endpoints repair
        return _Exchange(self._manager, {**request.scope, _INCOMING: incoming}, body)

    async def _identify(self, request: Request) -> IncomingRequest:
        headers = headers_of(request)
        server = await self._published.find(request.path_params["server_id"])
        caller = await self._caller(request, headers, server)
        self._services.rate_limits.show(request, caller, RateKind.SYNC)
        return IncomingRequest(server, caller, request, call_chain(headers))

    async def _caller(self, request: Request, headers: Mapping[str, str], server: ToolServer) -> Caller:
        known = await self._services.authentication.caller(headers)
        if known is not None:
            if not known.may_enter(server.workspace_id):
                raise NotFound("Server not found")
            known = known.within(server.workspace_id)
            known.require(KeyScope.EXECUTE)
            return known
        if not server.settings.is_public:
            raise Unauthenticated("Unauthorized")
        return await self._services.visitor(request, server.workspace_id)

    async def _list_tools(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
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

    async def _call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
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
    """Response of the protocol's server. It sees the whole body; only the run sees a disconnect."""

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


def _incoming_of(context: Context) -> IncomingRequest:
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


def mcp_router(endpoint: McpEndpoint) -> APIRouter:
    """Return the routes that MCP clients connect to."""
    router = APIRouter(route_class=plain(present_error), tags=["MCP"])
    refusals = answers(Refusal, 401, 403, 404, 413, 429, 503)
    path = "/api/mcp/serve/{server_id}"
    router.add_api_route(
        path, endpoint.server_description, methods=["GET"], summary="Describe an MCP server", responses=refusals
    )
    body = {"content": {"application/json": {"schema": {"type": "object", "description": "JSON-RPC 2.0"}}}}
    router.add_api_route(
        path,
        endpoint.serve,
        methods=["POST"],
        route_class_override=plain(present_call_error),
        summary="Send a message of the Model Context Protocol",
        responses={202: {"description": "A notification was accepted."}, **refusals},
        openapi_extra={"requestBody": body},
    )
    return router
