"""Run routes for the gateway: accept, look up, list, cancel, reserve ids."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from jobs_service.cancels import BulkCancel, CancelService
from jobs_service.queue.admission import AdmissionService, Answer
from jobs_service.runs.documents import RunRepository
from jobs_service.runs.run import id_taken
from jobs_service.views.logs import MAX_PAGE, RunReader
from jobs_service.views.repository import PageQuery
from shared.contracts.errors import ErrorBody
from shared.contracts.jobs import (
    AcceptAnswer,
    AcceptAnswers,
    AcceptRun,
    AcceptRuns,
    CancelRuns,
    RecordCancel,
    RunAccepted,
    RunFilter,
)
from shared.contracts.runs import RunStatus
from shared.ids import RUN_KEY_LENGTH
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]
Flag = Annotated[bool, Query()]


class PageParameters(BaseModel):
    """Parameters of a page of runs."""

    workspace_id: str
    workflow_id: str | None = None
    status: RunStatus | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=MAX_PAGE)


def runs_router(
    admission: AdmissionService,
    reader: RunReader,
    cancels: CancelService,
    runs: RunRepository,
    tokens: ServiceTokens,
    *,
    bulk_cancel: BulkCancel,
) -> APIRouter:
    """Return the gateway's routes."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/runs")
    async def accept(request: Annotated[AcceptRun, Depends(struct_body(AcceptRun))]) -> Response:
        return StructResponse(await admission.accept(request), status_code=201)

    @router.post("/runs/batch")
    async def accept_all(request: Annotated[AcceptRuns, Depends(struct_body(AcceptRuns))]) -> Response:
        answers = await admission.accept_all(request.runs)
        return StructResponse(AcceptAnswers(tuple(map(_answer_body, answers))))

    @router.get("/jobs/{job_id}")
    async def job(job_id: str, output: Flag = True, blocks: Flag = False) -> Response:
        return StructResponse(await reader.job(job_id, output=output, blocks=blocks))

    @router.get("/runs")
    async def page(request: Annotated[PageParameters, Query()]) -> Response:
        only = RunFilter(request.status, request.since, request.until)
        query = PageQuery(request.workspace_id, request.workflow_id, only, request.limit, request.cursor)
        return StructResponse(await reader.page(query))

    @router.post("/runs/cancel")
    async def cancel_all(request: Annotated[CancelRuns, Depends(struct_body(CancelRuns))]) -> Response:
        return StructResponse(await bulk_cancel.cancel(request))

    @router.get("/runs/{run_id}")
    async def run(
        run_id: RunId, workspace_id: str | None = None, output: Flag = True, blocks: Flag = False
    ) -> Response:
        return StructResponse(await reader.run(run_id, workspace_id, output=output, blocks=blocks))

    @router.post("/runs/{run_id}/cancel")
    async def cancel(run_id: RunId, request: Annotated[RecordCancel, Depends(struct_body(RecordCancel))]) -> Response:
        return StructResponse(await cancels.cancel(run_id, request))

    @router.post("/run-ids/{run_id}", status_code=204)
    async def reserve(run_id: RunId, workspace_id: str, workflow_id: str = "") -> None:
        """Reserve an id for an attached run; a durable run takes its id at admission."""
        if not await runs.reserve(run_id, workspace_id, workflow_id):
            raise id_taken(run_id)

    @router.delete("/run-ids/{run_id}", status_code=204)
    async def unreserve(run_id: RunId, workspace_id: str) -> None:
        await runs.unreserve(run_id, workspace_id)

    return router


def _answer_body(answer: Answer) -> AcceptAnswer:
    if isinstance(answer, RunAccepted):
        return AcceptAnswer(accepted=answer)
    return AcceptAnswer(refused=ErrorBody.of(answer))
