"""Route for queue states, for the gateway."""

from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.queue.counter_repository import CapacityCounters
from jobs_service.queue.drain_rate import expected_wait
from shared.contracts.jobs import QueueStatus
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse


def queues_router(counters: CapacityCounters, tokens: ServiceTokens, *, limit: int) -> APIRouter:
    """Return the route for a workspace's queue. `limit` is the number of runs that it may have queued."""
    router = APIRouter(prefix="/internal/queues", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/{workspace_id}")
    async def standing(workspace_id: str) -> Response:
        counter, now = await counters.counter(workspace_id)
        queued = max(0, counter.queued)
        return StructResponse(QueueStatus(queued, limit, expected_wait(counter.drain, queued, now)))

    return router
