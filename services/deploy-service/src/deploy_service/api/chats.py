"""Chat routes for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.chats import Chats
from shared.contracts.chats import ChatSettings, CreateChat
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.structs import StructResponse, struct_body

CreateBody = Annotated[CreateChat, Depends(struct_body(CreateChat))]
SettingsBody = Annotated[ChatSettings, Depends(struct_body(ChatSettings))]


def chats_router(chats: Chats, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/chats`, and the route for a workflow's chat."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/chats")
    async def create(body: CreateBody) -> Response:
        return StructResponse(await chats.create(body), status_code=201)

    @router.get("/chats/at/{identifier}")
    async def at(identifier: str) -> Response:
        return StructResponse(await chats.at(identifier))

    @router.get("/workflows/{workflow_id}/chat")
    async def of(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await chats.of(workspace_id, workflow_id))

    @router.get("/chats/{chat_id}")
    async def get(chat_id: str) -> Response:
        return StructResponse(await chats.get(chat_id))

    @router.put("/chats/{chat_id}")
    async def save(chat_id: str, body: SettingsBody, expected_revision: int | None = None) -> Response:
        return StructResponse(await chats.save(chat_id, body, expected_revision))

    @router.delete("/chats/{chat_id}")
    async def delete(chat_id: str) -> Response:
        await chats.delete(chat_id)
        return Response(status_code=204)

    return router
