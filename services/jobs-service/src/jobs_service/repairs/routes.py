"""Routes for repairs, for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from jobs_service.repairs.service import RepairService
from shared.contracts.repairs import FindRepairable, RepairRun
from shared.ids import RUN_KEY_LENGTH
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]


def repairs_router(repairs: RepairService, tokens: ServiceTokens) -> APIRouter:
    """Return the gateway's routes."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/repairable-runs")
    async def find(request: Annotated[FindRepairable, Depends(struct_body(FindRepairable))]) -> Response:
        return StructResponse(await repairs.find(request))

    @router.post("/runs/{run_id}/repair", status_code=201)
    async def repair(run_id: RunId, request: Annotated[RepairRun, Depends(struct_body(RepairRun))]) -> Response:
        return StructResponse(await repairs.repair(run_id, request), status_code=201)

    return router
