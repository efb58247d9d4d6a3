"""Routes for recordings: workers store them, the gateway reads and deletes them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from jobs_service.recordings.batches import store_packs
from jobs_service.recordings.repository import MongoRecordings
from jobs_service.runs.ports import RunRepository
from shared.contracts.recordings import (
    DeletedRecordings,
    DeleteRecordings,
    StorePacks,
)
from shared.errors import NotFound
from shared.ids import RUN_KEY_LENGTH, run_key
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

MAX_PAGE: Final = 200
Workspace = Annotated[str, Path(max_length=128)]
Run = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]


def recordings_router(
    recordings: MongoRecordings,
    runs: RunRepository,
    discard_journals: Callable[[str, str], Awaitable[None]],
    tokens: ServiceTokens,
    checks: TicketChecks,
) -> APIRouter:
    """Return `/internal/recordings`.

    A worker stores only recordings of runs whose tickets it has, and reads only the one that its run replays.
    `discard_journals` deletes the journals of a workflow's failed runs.
    """
    router = APIRouter(prefix="/internal/recordings")
    reader = checks.access(ServiceName.GATEWAY, ServiceName.EXECUTOR)
    gateway = [Depends(only(tokens, ServiceName.GATEWAY))]

    from_workers = [Depends(only(tokens, ServiceName.EXECUTOR))]

    @router.post("/packs", dependencies=from_workers)
    async def put_packs(body: Annotated[StorePacks, Depends(struct_body(StorePacks, is_msgpack=True))]) -> Response:
        return StructResponse(await store_packs(body.packs, recordings, checks))

    @router.get("/{workspace_id}", dependencies=gateway)
    async def page(
        workspace_id: Workspace,
        workflow_id: str,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: str | None = None,
        conversation_id: str | None = None,
    ) -> Response:
        found = await recordings.page(
            workspace_id, workflow_id, conversation_id=conversation_id, limit=limit, cursor=cursor
        )
        return StructResponse(found)

    async def may_read(
        workspace_id: Workspace, run: Run, workflow_id: str, access: Annotated[RunAccess, Depends(reader)]
    ) -> None:
        access.require(workspace_id=workspace_id, workflow_id=workflow_id)
        if access.ticket is not None:
            found = await runs.claimable(access.ticket.run_id)
            replayed = None if found is None else found.spec.replay
            if replayed is None or replayed.run_id != run:
                raise NotFound("Recording not found")

    @router.get("/{workspace_id}/{run}", dependencies=[Depends(may_read)])
    async def read(workspace_id: Workspace, run: Run, workflow_id: str) -> Response:
        return Response(await recordings.read(workspace_id, workflow_id, run), media_type="application/json")

    @router.post("/{workspace_id}/delete", dependencies=gateway)
    async def delete(
        workspace_id: Workspace, body: Annotated[DeleteRecordings, Depends(struct_body(DeleteRecordings))]
    ) -> Response:
        run = None if body.run_id is None else run_key(workspace_id, body.run_id)
        if body.bar_revision is not None:
            await discard_journals(workspace_id, body.workflow_id)
        return StructResponse(DeletedRecordings(await recordings.delete(workspace_id, body, run)))

    return router
