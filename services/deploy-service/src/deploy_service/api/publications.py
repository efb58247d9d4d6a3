"""Routes of chats, agents and tool servers, for the gateway."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.publications import Agents, Chats, Publications, ToolServers
from shared.contracts import tool_servers as contracts
from shared.contracts.agents import AgentLookup, AgentSettings, CreateAgent
from shared.contracts.chats import ChatLookup, ChatSettings, CreateChat
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body


def publications_router(chats: Chats, agents: Agents, servers: ToolServers, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/chats`, `/agents` and `/tool-servers`, and the routes that find them."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])
    _add_routes(router, "/chats", chats, create_type=CreateChat, save_type=ChatSettings)
    _add_routes(router, "/agents", agents, create_type=CreateAgent, save_type=AgentSettings)
    _add_routes(
        router, "/tool-servers", servers, create_type=contracts.CreateToolServer, save_type=contracts.SaveToolServer
    )

    @router.get("/chats/at/{identifier}")
    async def chat_at(identifier: str) -> Response:
        return StructResponse(ChatLookup(await chats.at(identifier)))

    @router.get("/workflows/{workflow_id}/chat")
    async def chat_of(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(ChatLookup(await chats.of_workflow(workspace_id, workflow_id)))

    @router.get("/workflows/{workflow_id}/agent")
    async def agent_of(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(AgentLookup(await agents.of_workflow(workspace_id, workflow_id)))

    @router.get("/tool-servers")
    async def servers_of(workspace_id: WorkspaceId) -> Response:
        return StructResponse(contracts.ToolServers(await servers.of_workspace(workspace_id)))

    return router


def _add_routes(
    router: APIRouter, path: str, publications: Publications[Any], *, create_type: type[Any], save_type: type[Any]
) -> None:
    """Add the routes that every kind has. Only a tool server's body names the expected revision itself."""
    CreateBody = Annotated[Any, Depends(struct_body(create_type))]  # noqa: N806 - a type
    SaveBody = Annotated[Any, Depends(struct_body(save_type))]  # noqa: N806 - a type

    @router.post(path)
    async def create(body: CreateBody) -> Response:
        return StructResponse(await publications.create(body), status_code=201)

    @router.get(f"{path}/{{publication_id}}")
    async def get(publication_id: str) -> Response:
        return StructResponse(await publications.get(publication_id))

    @router.put(f"{path}/{{publication_id}}")
    async def save(publication_id: str, body: SaveBody, expected_revision: int | None = None) -> Response:
        if isinstance(body, contracts.SaveToolServer):
            body, expected_revision = body.settings, body.expected_revision
        return StructResponse(await publications.save(publication_id, body, expected_revision))

    @router.delete(f"{path}/{{publication_id}}")
    async def delete(publication_id: str) -> Response:
        await publications.delete(publication_id)
        return Response(status_code=204)
