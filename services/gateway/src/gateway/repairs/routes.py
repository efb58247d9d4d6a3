"""`POST /api/v2/workflows/{id}/runs/repair` and `…/runs/{run}/repair`: continue failed runs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, ConfigDict, Field
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.repairs.service import BulkRepair, RepairService, RepairTarget
from gateway.v2.models import ErrorAnswer, Fault, QueuedRun
from gateway.v2.routes import NO_STORE, V2Access, error_facts, v2_router
from gateway.web.bodies import Data, RequestBody, Wire, json_of
from gateway.web.routes import answers
from shared.contracts.jobs import RunAccepted, RunFilter
from shared.web.struct_bodies import StructResponse


class RepairBody(RequestBody):
    """Version to continue a failed run on."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(None, ge=1, lt=2**31, description="Version to continue on; default: the live version.")
    repeat_uncertain: bool = Field(
        False, description="Run blocks again whose effects are unknown because their worker was lost."
    )


class RepairRunsBody(RepairBody):
    """Failed runs to continue; without a time, all."""

    model_config = ConfigDict(extra="forbid", strict=False)

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    cursor: str | None = Field(None, max_length=500, description="`nextCursor` of the previous answer.")


class RepairedRun(QueuedRun):
    """New run that continues a failed one."""

    repair_of: str


class RefusedRepair(Wire):
    """Failed run that cannot be continued."""

    run_id: str
    error: Fault


class RepairedRuns(Wire):
    """Results of up to 1,000 failed runs, newest first; with `nextCursor`, call again."""

    repaired: list[RepairedRun]
    refused: list[RefusedRepair]
    next_cursor: str | None


def repairs_router(access: V2Access, repairs: RepairService, *, public_url: str) -> APIRouter:
    """Repairs of a workflow's failed runs."""
    router = v2_router(400, 401, 402, 403, 404, 429, 503, prefix="/api/v2/workflows/{workflow_id}/runs")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    def body_of(workflow_id: str, run_id: str, accepted: RunAccepted) -> dict[str, str]:
        url = f"{public_url}/api/v2/workflows/{workflow_id}/runs/{accepted.run_id}"
        return {"runId": accepted.run_id, "repairOf": run_id, "statusUrl": url}

    @router.post(
        "/repair",
        status_code=202,
        response_model=Data[RepairedRuns],
        responses=answers(ErrorAnswer, 409),
        summary="Repair failed runs",
    )
    async def repair_all(
        caller: WorkflowCaller, workflow_id: str, body: Annotated[RepairRunsBody, Depends(json_of(RepairRunsBody))]
    ) -> Response:
        only = RunFilter(since=body.since, until=body.until)
        done = await repairs.repair_all(caller, workflow_id, only, _target_of(body), cursor=body.cursor)
        repaired = [body_of(workflow_id, run_id, accepted) for run_id, accepted in done.repaired.items()]
        facts = {"repaired": repaired, "refused": _refusals(done), "nextCursor": done.next_cursor}
        return StructResponse({"data": facts}, status_code=202, headers=NO_STORE)

    @router.post(
        "/{run_id}/repair",
        status_code=202,
        response_model=Data[RepairedRun],
        responses=answers(ErrorAnswer, 409),
        summary="Repair a failed run",
    )
    async def repair(
        caller: WorkflowCaller, workflow_id: str, run_id: str, body: Annotated[RepairBody, Depends(json_of(RepairBody))]
    ) -> Response:
        accepted = await repairs.repair(caller, workflow_id, run_id, _target_of(body))
        return StructResponse({"data": body_of(workflow_id, run_id, accepted)}, status_code=202, headers=NO_STORE)

    return router


def _target_of(body: RepairBody | RepairRunsBody) -> RepairTarget:
    return RepairTarget(version=body.version, repeat_uncertain=body.repeat_uncertain)


def _refusals(done: BulkRepair) -> list[dict[str, Any]]:
    return [{"runId": run_id, "error": error_facts(error)[1]} for run_id, error in done.refused.items()]
