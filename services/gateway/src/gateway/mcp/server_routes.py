"""`/api/mcp/serve/{serverId}`: Model Context Protocol over streamable HTTP, without sessions, with JSON answers."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.access.credentials import Scope as KeyScope
from gateway.access.plans import RateKind
from gateway.mcp.service import PublishedTools
from gateway.parsing import json_body
from gateway.runs.requests import call_chain
from gateway.streams.services import EndpointServices
from gateway.web.errors import present_call_error, present_error
from gateway.web.routes import Refusal, answers, headers_of, plain
from shared.contracts.tool_servers import ToolServer
from shared.errors import NotFound, Unauthenticated
from shared.web.struct_bodies import StructResponse

VERSION: Final = "1.0.0"
"""Version that every server reports."""
PROTOCOL: Final = "2024-11-05"


class IncomingRequest(msgspec.Struct, frozen=True):
    """Request with its server and caller."""

    server: ToolServer
    caller: Caller
    request: Request
    call_chain: tuple[str, ...]


if TYPE_CHECKING:
    from gateway.mcp.protocol import ToolProtocol


class McpEndpoint:
    """Endpoint that uses the protocol's official package. Access and rate limits are as everywhere."""

    def __init__(self, services: EndpointServices, published: PublishedTools, *, max_body_bytes: int) -> None:
        self._services = services
        self._published = published
        self._max_body_bytes = max_body_bytes
        self._changing = asyncio.Lock()
        self._protocol: ToolProtocol | None = None

    async def start(self) -> None:
        """Do nothing: the protocol starts with its first message."""

    async def stop(self) -> None:
        """Stop, ending open requests."""
        async with self._changing:
            if self._protocol is not None:
                await self._protocol.stop()
            self._protocol = None

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
        return (await self._started()).answer(incoming, body)

    async def _started(self) -> "ToolProtocol":
        async with self._changing:
            if self._protocol is None:
                module = await asyncio.to_thread(import_module, f"{__package__}.protocol")
                protocol: ToolProtocol = module.ToolProtocol(
                    self._services, self._published, max_body_bytes=self._max_body_bytes
                )
                await protocol.start()
                self._protocol = protocol
            return self._protocol

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
