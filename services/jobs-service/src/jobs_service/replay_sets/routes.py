"""Routes of replay sets, for the gateway."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from jobs_service.replay_sets.ports import ReplaySetRepository
from jobs_service.replay_sets.service import ReplaySetService
from jobs_service.runs.ports import RunRepository
from shared.contracts.replay_sets import CreateReplaySet, ModelCallAnswer, ModelCost, ReplayedVerdict
from shared.errors import NotFound
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

MAX_PAGE: Final = 200
PREFIX: Final = "/internal/replay-sets"
Id = Annotated[str, Path(max_length=128)]


class RunQuery(BaseModel):
    """Parameters of a page of a set's runs."""

    verdict: ReplayedVerdict | None = None
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    cursor: int | None = Field(None, ge=0)


def replay_sets_routers(
    sets: ReplaySetRepository,
    service: ReplaySetService,
    runs: RunRepository,
    tokens: ServiceTokens,
    checks: TicketChecks,
) -> Sequence[APIRouter]:
    """Return `/internal/replay-sets`, for the gateway, and the budgets, for a worker that runs a replay of the set."""
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])
    worker = checks.access(ServiceName.EXECUTOR)

    @router.post("", status_code=201)
    async def create(request: Annotated[CreateReplaySet, Depends(struct_body(CreateReplaySet))]) -> Response:
        return StructResponse(await service.create(request), status_code=201)

    @router.get("/{workspace_id}/{workflow_id}")
    async def page(
        workspace_id: Id,
        workflow_id: Id,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: str | None = None,
    ) -> Response:
        return StructResponse(await sets.page(workspace_id, workflow_id, limit=limit, cursor=cursor))

    @router.get("/{workspace_id}/{workflow_id}/{set_id}")
    async def get(workspace_id: Id, workflow_id: Id, set_id: Id) -> Response:
        return StructResponse(await sets.get(workspace_id, workflow_id, set_id))

    @router.get("/{workspace_id}/{workflow_id}/{set_id}/runs")
    async def results(workspace_id: Id, workflow_id: Id, set_id: Id, query: Annotated[RunQuery, Query()]) -> Response:
        found = await sets.runs(
            workspace_id, workflow_id, set_id, verdict=query.verdict, limit=query.limit, cursor=query.cursor
        )
        return StructResponse(found)

    @router.post("/{workspace_id}/{workflow_id}/{set_id}/cancel")
    async def cancel(workspace_id: Id, workflow_id: Id, set_id: Id) -> Response:
        return StructResponse(await service.cancel(workspace_id, workflow_id, set_id))

    async def may_spend(
        workspace_id: Id, workflow_id: Id, set_id: Id, access: Annotated[RunAccess, Depends(worker)]
    ) -> None:
        access.require(workspace_id=workspace_id, workflow_id=workflow_id)
        if access.ticket is not None:
            found = await runs.claimable(access.ticket.run_id)
            replayed = None if found is None else found.spec.replay
            if replayed is None or replayed.set_id != set_id:
                raise NotFound("Replay not found")

    budgets = APIRouter(prefix=PREFIX, dependencies=[Depends(may_spend)])

    @budgets.post("/{workspace_id}/{workflow_id}/{set_id}/model-calls")
    async def reserve_call(workspace_id: Id, workflow_id: Id, set_id: Id) -> Response:
        return StructResponse(ModelCallAnswer(await sets.reserve_call(workspace_id, workflow_id, set_id)))

    @budgets.post("/{workspace_id}/{workflow_id}/{set_id}/model-costs", status_code=204)
    async def charge_call(
        workspace_id: Id, workflow_id: Id, set_id: Id, body: Annotated[ModelCost, Depends(struct_body(ModelCost))]
    ) -> None:
        await sets.charge_call(workspace_id, workflow_id, set_id, body.usd)

    return router, budgets
