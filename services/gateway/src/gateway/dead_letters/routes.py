"""`/api/v1/dead-letters` and `/api/v1/runs/{id}/redrive`: messages that no worker could process, and their redrive."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.dead_letters.service import DeadLetterClient, RedriveService
from gateway.v1.models import ErrorAnswer
from gateway.v1.routes import V1Access, v1_router
from gateway.web.routes import answers
from shared.clock import iso
from shared.contracts.dead_letters import DeadLetterView
from shared.contracts.jobs import RunAccepted
from shared.web.struct_bodies import StructResponse


def dead_letters_router(
    access: V1Access, client: DeadLetterClient, redrives: RedriveService, *, public_url: str
) -> APIRouter:
    """Return the routes, for admins of the workspace."""
    router = v1_router("Dead letters", 400, 401, 403, 404, 409, 429, 503, prefix="/api/v1")
    capped = answers(ErrorAnswer, 402)
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    In = Annotated[str | None, Query(alias="workspaceId", description="Defaults to the key's workspace.")]  # noqa: N806 - a type

    def accepted_body(accepted: RunAccepted) -> dict[str, Any]:
        url = f"{public_url}/api/jobs/{accepted.job_id}"
        return {"runId": accepted.run_id, "jobId": accepted.job_id, "statusUrl": url}

    @router.get("/dead-letters", summary="List dead letters")
    async def page(
        caller: AnyCaller,
        workspace_id: In = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        caller = _within(caller, workspace_id)
        caller.require_throughout(Scope.ADMIN)
        found = await client.dead_letters(caller.workspace.id, limit=limit, cursor=cursor)
        return StructResponse({"data": list(map(_letter_row, found.letters)), "nextCursor": found.next_cursor})

    @router.post("/dead-letters/{letter_id}/redrive", summary="Redrive a dead letter", responses=capped)
    async def redrive_letter(caller: AnyCaller, letter_id: str, workspace_id: In = None) -> Response:
        accepted = await redrives.letter(_within(caller, workspace_id), letter_id)
        return StructResponse({"data": accepted_body(accepted) if accepted else {"redriven": True}}, status_code=202)

    @router.delete("/dead-letters/{letter_id}", status_code=204, summary="Discard a dead letter")
    async def discard(caller: AnyCaller, letter_id: str, workspace_id: In = None) -> None:
        await redrives.discard(_within(caller, workspace_id), letter_id)

    @router.post("/runs/{run_id}/redrive", summary="Redrive a failed run", responses=capped)
    async def redrive_run(caller: AnyCaller, run_id: str, workspace_id: In = None) -> Response:
        accepted = await redrives.run(_within(caller, workspace_id), run_id)
        return StructResponse({"data": {**accepted_body(accepted), "redrivenFrom": run_id}}, status_code=202)

    return router


def _within(caller: Caller, workspace_id: str | None) -> Caller:
    return caller.within(workspace_id or caller.workspace.id)


def _letter_row(letter: DeadLetterView) -> dict[str, Any]:
    return {
        "id": letter.id,
        "kind": letter.kind,
        "queue": letter.queue,
        "reason": letter.reason,
        "diedAt": iso(letter.died_at),
        "times": letter.times,
        "size": letter.size,
        "workflowId": letter.workflow_id,
        "runId": letter.run_id,
    }
