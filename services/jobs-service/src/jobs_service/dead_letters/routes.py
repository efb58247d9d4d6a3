"""Routes for dead letters and for redriving failed runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from jobs_service.dead_letters.service import DeadLetterService, RedriveService
from shared.contracts.dead_letters import RedriveRun
from shared.ids import RUN_KEY_LENGTH
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

MAX_PAGE = 200
RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]
LetterId = Annotated[str, Path(max_length=64)]
RequestBody = Annotated[RedriveRun, Depends(struct_body(RedriveRun))]


def dead_letters_router(
    dead_letters: DeadLetterService, run_redrive: RedriveService, tokens: ServiceTokens
) -> APIRouter:
    """Return the gateway's routes."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/dead-letters")
    async def page(
        workspace_id: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        return StructResponse(await dead_letters.page(workspace_id, limit=limit, cursor=cursor))

    @router.get("/dead-letters/{letter_id}")
    async def get(letter_id: LetterId, workspace_id: str) -> Response:
        return StructResponse(await dead_letters.get(letter_id, workspace_id))

    @router.post("/dead-letters/{letter_id}/redrive")
    async def redrive_letter(letter_id: LetterId, request: RequestBody) -> Response:
        return StructResponse(await dead_letters.redrive(letter_id, request) or {})

    @router.delete("/dead-letters/{letter_id}", status_code=204)
    async def discard(letter_id: LetterId, workspace_id: str) -> None:
        await dead_letters.discard(letter_id, workspace_id)

    @router.post("/runs/{run_id}/redrive", status_code=201)
    async def redrive_run(run_id: RunId, request: RequestBody) -> Response:
        return StructResponse(await run_redrive.redrive(run_id, request), status_code=201)

    return router
