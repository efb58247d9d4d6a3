"""Routes for workflows' run counts and statistics, for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.statistics.ports import RunCountRepository
from jobs_service.statistics.series import StatisticsReader
from shared.contracts.statistics import FindRunSeries, FindRunStatistics, RunStatisticsList
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body


def run_counts_router(run_counts: RunCountRepository, tokens: ServiceTokens) -> APIRouter:
    """Return the route. It takes many workflow ids, so they are in the body."""
    router = APIRouter(prefix="/internal/tallies", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/search")
    async def search(request: Annotated[FindRunStatistics, Depends(struct_body(FindRunStatistics))]) -> Response:
        return StructResponse(RunStatisticsList(tuple(await run_counts.of(request.workspace_id, request.workflow_ids))))

    return router


def statistics_router(statistics: StatisticsReader, tokens: ServiceTokens) -> APIRouter:
    """Return the route of statistics over time. It takes many filters, so they are in the body."""
    router = APIRouter(prefix="/internal/statistics", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/search")
    async def search(request: Annotated[FindRunSeries, Depends(struct_body(FindRunSeries))]) -> Response:
        return StructResponse(await statistics.read(request))

    return router
