"""MCP server routes for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.tool_servers import ToolServers
from shared.contracts.tool_servers import CreateToolServer, SaveToolServer
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.structs import StructResponse, struct_body

CreateBody = Annotated[CreateToolServer, Depends(struct_body(CreateToolServer))]
SaveBody = Annotated[SaveToolServer, Depends(struct_body(SaveToolServer))]


def tool_servers_router(servers: ToolServers, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/tool-servers`."""
    router = APIRouter(prefix="/internal/tool-servers", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("")
    async def create(body: CreateBody) -> Response:
        return StructResponse(await servers.create(body), status_code=201)

    @router.get("")
    async def of(workspace_id: WorkspaceId) -> Response:
        return StructResponse(await servers.of(workspace_id))

    @router.get("/{server_id}")
    async def get(server_id: str) -> Response:
        return StructResponse(await servers.get(server_id))

    @router.put("/{server_id}")
    async def save(server_id: str, body: SaveBody) -> Response:
        return StructResponse(await servers.save(server_id, body))

    @router.delete("/{server_id}")
    async def delete(server_id: str) -> Response:
        await servers.delete(server_id)
        return Response(status_code=204)

    return router
