"""Routes for agents' conversations, for workers."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from jobs_service.conversations.repository import MongoConversations
from shared.contracts import conversations as contracts
from shared.contracts.conversations import LONGEST_CONVERSATION_ID, AppendMessages, ConversationDeleted
from shared.service import ServiceName
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

LISTED: Final = 100
LISTED_BYTES: Final = 8 * 1024 * 1024
Workspace = Annotated[str, Path(max_length=128)]
Id = Annotated[str, Query(min_length=1, max_length=LONGEST_CONVERSATION_ID)]
"""In the query: people choose ids, and a path cannot contain their slashes."""


def conversations_router(conversations: MongoConversations, checks: TicketChecks) -> APIRouter:
    """Return the conversation routes, restricted to the run's workspace."""
    holder = checks.access(ServiceName.EXECUTOR)

    async def is_of_workspace(workspace_id: Workspace, access: Annotated[RunAccess, Depends(holder)]) -> None:
        access.require(workspace_id=workspace_id)

    router = APIRouter(prefix="/internal/conversations/{workspace_id}", dependencies=[Depends(is_of_workspace)])

    @router.get("")
    async def latest(workspace_id: Workspace) -> Response:
        found = await conversations.latest(workspace_id, LISTED, LISTED_BYTES)
        return StructResponse(contracts.Conversations(tuple(found)))

    @router.get("/messages")
    async def read(workspace_id: Workspace, conversation_id: Id) -> Response:
        return StructResponse(await conversations.read(workspace_id, conversation_id))

    @router.post("/messages", status_code=204)
    async def append(
        workspace_id: Workspace,
        conversation_id: Id,
        body: Annotated[AppendMessages, Depends(struct_body(AppendMessages))],
    ) -> None:
        await conversations.append(workspace_id, conversation_id, body.messages, once=body.once)

    @router.delete("/messages")
    async def delete(workspace_id: Workspace, conversation_id: Id) -> Response:
        return StructResponse(ConversationDeleted(await conversations.delete(workspace_id, conversation_id)))

    return router
