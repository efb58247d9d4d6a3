"""Route for workspaces' model costs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from jobs_service.spend.ports import SpendRepository
from shared.clock import Clock
from shared.contracts.runs import Spend
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse

Month = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}$")]


def spend_router(repository: SpendRepository, tokens: ServiceTokens, clock: Clock) -> APIRouter:
    """Return the route for monthly sums; the default is this month."""
    router = APIRouter(prefix="/internal/spend", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/{workspace_id}")
    async def spend(workspace_id: str, month: Month = None) -> Response:
        named = month or clock.now().strftime("%Y-%m")
        return StructResponse(Spend(workspace_id, named, await repository.of_month(workspace_id, named)))

    return router
