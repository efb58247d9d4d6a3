"""Route for the run logs, for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.views.logs import LogSearch
from shared.contracts.logs import FindLogs
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body


def logs_router(logs: LogSearch, tokens: ServiceTokens) -> APIRouter:
    """Return the search route. It takes its many filters in the body."""
    router = APIRouter(prefix="/internal/logs", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/search")
    async def search(query: Annotated[FindLogs, Depends(struct_body(FindLogs))]) -> Response:
        return StructResponse(await logs.find(query))

    return router
