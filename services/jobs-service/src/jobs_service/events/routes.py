"""Route for stored events of runs, for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from jobs_service.events.service import EventService
from jobs_service.run_routes import RunId
from shared.contracts.event_pages import EventPosition
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse


def events_router(events: EventService, tokens: ServiceTokens) -> APIRouter:
    """Return the route for a run's events behind a position."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/runs/{run_id}/events")
    async def read(
        run_id: RunId,
        workspace_id: str,
        attempt: Annotated[int, Query(ge=0)] = 0,
        number: Annotated[int, Query(ge=-1)] = -1,
    ) -> Response:
        return StructResponse(await events.read(run_id, workspace_id, EventPosition(attempt, number)))

    return router
