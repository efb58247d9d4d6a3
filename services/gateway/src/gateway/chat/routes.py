"""`/api/chat`, `/api/chat/manage/{id}` and `/api/workflows/{id}/chat/status`, for authors of chats."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.access.credentials import Caller, Scope
from gateway.chat.models import (
    Availability,
    ChatBody,
    ChatChangeBody,
    ChatSaved,
    ChatStatus,
    ChatView,
    url_of,
    view_of,
)
from gateway.chat.service import ChatPublications
from gateway.web.bodies import Message, json_of
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from gateway.workflows.endpoints import Endpoints
from shared.contracts.chats import Chat
from shared.errors import InvalidRequest


def chat_manage_router(
    access: WorkspaceAccess, endpoints: Endpoints, publications: ChatPublications, *, public_url: str
) -> APIRouter:
    """Return the routes: reads need the read scope, changes the admin scope. A chat lets strangers run its workflow."""
    router = legacy_router("Chat", *AUTHORING)
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    def created(chat: Chat, message: str) -> ChatSaved:
        return ChatSaved(id=chat.id, chat_id=chat.id, chat_url=url_of(chat, public_url), message=message)

    @router.post("/api/chat", summary="Publish a workflow as a chat")
    async def create(caller: AnyCaller, body: Annotated[ChatBody, Depends(json_of(ChatBody))]) -> ChatSaved:
        endpoint = await endpoints.get(body.workflow_id)
        caller = caller.on(endpoint.workspace_id, endpoint.workflow_id)
        chat = await publications.create(caller, endpoint.workflow_id, body.settings(), body.password)
        return created(chat, "Chat deployment created successfully")

    @router.get("/api/chat/validate", summary="Check an identifier", response_model_exclude_none=True)
    async def validate(caller: AnyCaller, identifier: Annotated[str, Query(max_length=200)] = "") -> Availability:
        caller.require(Scope.READ)
        try:
            is_free = await publications.is_free(identifier)
        except InvalidRequest as error:
            return Availability(available=False, error=error.message)
        return Availability(available=is_free, error=None if is_free else "Identifier already in use")

    @router.get("/api/workflows/{workflow_id}/chat/status", summary="Get the chat of a workflow")
    async def status(caller: WorkflowCaller, workflow_id: str) -> ChatStatus:
        chat = await publications.of(caller, workflow_id)
        view = view_of(chat, public_url) if chat else None
        return ChatStatus(is_deployed=chat is not None, deployment=view, can_mail=publications.can_mail)

    @router.get("/api/chat/manage/{chat_id}", summary="Get a chat")
    async def get(caller: AnyCaller, chat_id: str) -> ChatView:
        _, chat = await publications.get(caller, chat_id)
        return view_of(chat, public_url)

    @router.patch("/api/chat/manage/{chat_id}", summary="Change a chat")
    async def change(
        caller: AnyCaller, chat_id: str, body: Annotated[ChatChangeBody, Depends(json_of(ChatChangeBody))]
    ) -> ChatSaved:
        chat = await publications.change(caller, chat_id, body.changes(), body.password)
        return created(chat, "Chat deployment updated successfully")

    @router.delete("/api/chat/manage/{chat_id}", summary="Delete a chat")
    async def delete(caller: AnyCaller, chat_id: str) -> Message:
        await publications.delete(caller, chat_id)
        return Message(message="Chat deployment deleted successfully")

    return router
