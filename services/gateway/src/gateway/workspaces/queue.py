"""`/api/workspaces/{id}/queue`: waiting runs, and the expected wait of one more."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from gateway.access.domain.credentials import Caller, Scope
from gateway.runs.ports import Jobs
from gateway.web.bodies import Wire
from gateway.web.routes import WORKSPACE, WorkspaceAccess, legacy_router


class QueueAnswer(Wire):
    """The workspace's queue."""

    queued: int
    limit: int
    wait_seconds: float | None = Field(description="Expected wait of a run that is queued now; null if unknown.")


def queue_router(access: WorkspaceAccess, jobs: Jobs) -> APIRouter:
    """Return the route, for readers of the workspace."""
    router = legacy_router("Workspaces", *WORKSPACE)

    @router.get("/api/workspaces/{workspace_id}/queue", summary="Get the queue's length")
    async def queue_length(caller: Annotated[Caller, Depends(access.to_workspace)], workspace_id: str) -> QueueAnswer:
        caller.require(Scope.READ)
        found = await jobs.queue(workspace_id)
        return QueueAnswer(queued=found.queued, limit=found.limit, wait_seconds=found.wait_seconds)

    return router
