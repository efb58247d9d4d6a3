"""Deleted workflows: `GET /api/workspaces/{wid}/workflows/deleted` and `POST …/workflows/{id}/restore`."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from gateway.access.domain.credentials import Caller
from gateway.deletion.service import DeletedWorkflows
from gateway.web.bodies import Data, RequestBody, Wire, json_of
from gateway.web.routes import WorkspaceAccess, legacy_router
from shared.clock import iso
from shared.contracts.deployments import DeletedWorkflow


class DeletedRow(Wire):
    """Deleted workflow."""

    id: str
    name: str
    description: str
    deleted_at: str
    restorable_until: str | None = Field(
        description="Time of its permanent deletion; null for workflows that an earlier release deleted."
    )
    live_version: int | None = Field(description="Version that was live when it was deleted.")


class RestoreBody(RequestBody):
    """What to restore."""

    redeploy: bool = Field(False, description="Also make the last live version live again.")


class RestoredWorkflow(Wire):
    """Restored workflow."""

    id: str
    name: str
    live_version: int | None


def deleted_workflows_router(access: WorkspaceAccess, deleted: DeletedWorkflows) -> APIRouter:
    """Return the routes, for readers and callers who may deploy."""
    router = legacy_router("Workspaces", 401, 403, 404, 409, 429, 503, prefix="/api/workspaces/{workspace_id}")
    WorkspaceCaller = Annotated[Caller, Depends(access.to_workspace)]  # noqa: N806 - a type

    @router.get("/workflows/deleted", summary="List the deleted workflows that can be restored")
    async def list_deleted(caller: WorkspaceCaller, workspace_id: str) -> Data[list[DeletedRow]]:
        return Data(data=[_row(each) for each in await deleted.list(caller)])

    @router.post("/workflows/{workflow_id}/restore", summary="Restore a deleted workflow")
    async def restore(
        caller: WorkspaceCaller,
        workspace_id: str,
        workflow_id: str,
        body: Annotated[RestoreBody, Depends(json_of(RestoreBody))],
    ) -> Data[RestoredWorkflow]:
        found = await deleted.restore(caller, workflow_id, redeploy=body.redeploy)
        return Data(data=RestoredWorkflow(id=found.id, name=found.name, live_version=found.endpoint.version))

    return router


def _row(workflow: DeletedWorkflow) -> DeletedRow:
    return DeletedRow(
        id=workflow.id,
        name=workflow.name,
        description=workflow.description,
        deleted_at=iso(workflow.deleted_at),
        restorable_until=iso(workflow.purged_at) if workflow.purged_at else None,
        live_version=workflow.version,
    )
