"""Pause routes: workers store paused attached runs, the gateway sends answers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from msgspec.structs import replace
from starlette.responses import Response

from jobs_service.pauses.service import PauseService
from shared.contracts.jobs import PauseRun, ResumeRun
from shared.ids import RUN_KEY_LENGTH
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]


def pauses_router(pauses: PauseService, tokens: ServiceTokens, checks: TicketChecks) -> APIRouter:
    """Return routes for pausing and resuming.

    The stored run gets new tickets later, so it must match the worker's ticket.
    """
    router = APIRouter(prefix="/internal/runs/{run_id}")

    @router.post("/pause", status_code=204)
    async def pause(
        run_id: RunId,
        access: Annotated[RunAccess, Depends(checks.access(ServiceName.EXECUTOR))],
        report: Annotated[PauseRun, Depends(struct_body(PauseRun))],
    ) -> None:
        snapshot = report.run.snapshot
        access.require(
            workspace_id=snapshot.workspace_id,
            workflow_id=snapshot.workflow_id,
            snapshot_hash=snapshot.snapshot_hash,
            run_id=run_id,
            user_id=report.run.user_id,
        )
        if access.ticket is not None:  # the spec from a worker is not trusted for this
            report = replace(report, run=replace(report.run, file_scope=access.ticket.file_scope))
        await pauses.adopt(run_id, report, valid_until=access.valid_until)

    @router.post("/resume", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])
    async def resume(run_id: RunId, request: Annotated[ResumeRun, Depends(struct_body(ResumeRun))]) -> Response:
        return StructResponse(await pauses.resume(run_id, request))

    return router
