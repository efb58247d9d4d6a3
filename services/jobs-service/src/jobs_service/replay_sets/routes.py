"""Routes of replay sets, for the gateway."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from jobs_service.cancels import CancelService
from jobs_service.leadership import WakeUpEvent
from jobs_service.payloads import MongoBlobs
from jobs_service.replay_sets.documents import REPLAYED_RUNS
from jobs_service.replay_sets.rules import CANCELED, ReplayOutputs, ReplaySetRepository, replay_id
from jobs_service.runs.documents import IS_REPLAY, RUNS, RunRepository
from shared.contracts.jobs import RecordCancel
from shared.contracts.replay_sets import CreateReplaySet, ModelCallAnswer, ModelCost, ReplayedVerdict, ReplaySet
from shared.errors import Conflict, NotFound
from shared.service import ServiceName
from shared.store.client import Store, store_call
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body


class MongoReplayOutputs:
    """Implements ReplayOutputs."""

    def __init__(self, store: Store, blobs: MongoBlobs) -> None:
        self._blobs = blobs
        self._of_sets = store.collection(REPLAYED_RUNS)
        self._runs = store.collection(RUNS)

    @store_call
    async def delete(self, workspace_id: str, replays: Sequence[str]) -> None:
        wanted = {
            "_id": {"$in": replays},
            "workspace_id": workspace_id,
            IS_REPLAY: True,  # a caller's run may have the id of a replay
            "output": {"$exists": True},
        }
        found = await self._runs.find(wanted, {"output.blob_id": 1}).to_list()
        blob_ids = [each["output"]["blob_id"] for each in found]
        await self._blobs.discard(workspace_id, [blob_id for blob_id in blob_ids if blob_id is not None])
        await self._runs.update_many(wanted, {"$unset": {"output": 1}})  # last: it names the blob

    @store_call
    async def delete_of_set(self, workspace_id: str, set_id: str) -> None:
        found = await self._of_sets.find({"set_id": set_id, "workspace_id": workspace_id}, {"_id": 1}).to_list()
        await self.delete(workspace_id, [replay_id(each["_id"]) for each in found])


class ReplaySetService:
    """Creates and cancels replay sets."""

    def __init__(
        self, sets: ReplaySetRepository, outputs: ReplayOutputs, cancels: CancelService, wake_up: WakeUpEvent
    ) -> None:
        self._sets = sets
        self._outputs = outputs
        self._cancels = cancels
        self._wake_up = wake_up

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        """Store a set. Raises NotFound, InvalidRequest, Conflict, Unavailable."""
        created = await self._sets.create(request)
        self._wake_up.wake()
        return created

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Cancel a set and its replays in progress. Raises NotFound, Unavailable."""
        for run in await self._sets.cancel(workspace_id, workflow_id, set_id, CANCELED):
            with suppress(NotFound, Conflict):
                await self._cancels.cancel(run.replay_run_id, RecordCancel(workspace_id, workflow_id))
        await self._outputs.delete_of_set(workspace_id, set_id)  # of replays that had ended without a verdict
        return await self._sets.get(workspace_id, workflow_id, set_id)


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
