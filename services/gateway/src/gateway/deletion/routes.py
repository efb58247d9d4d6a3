"""Deleted workflows: `GET /api/workspaces/{wid}/workflows/deleted` and `POST …/workflows/{id}/restore`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from gateway.access.credentials import Caller
from gateway.deletion.service import DeletedWorkflows, DeletionService
from gateway.deletion.store import Erasure
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


class ErasureRow(Wire):
    """Permanent deletion of a workflow or workspace."""

    workspace_id: str
    workflow_id: str | None
    status: Literal["erasing", "settling", "erased"]
    requested_at: str
    requested_by: str
    emptied_at: str | None
    documents: int


class ErasureAnswer(Wire):
    """The deletion has started and will complete."""

    success: Literal[True] = True
    erasure: ErasureRow


class ErasureRows(Wire):
    """Deletions, newest first."""

    erasures: list[ErasureRow]


def erasures_router(access: WorkspaceAccess, deletions: DeletionService) -> APIRouter:
    """Return the routes, for admins."""
    router = legacy_router("Workspaces", 401, 403, 404, 409, 429, 503, prefix="/api/workspaces/{workspace_id}")
    WorkspaceCaller = Annotated[Caller, Depends(access.to_workspace)]  # noqa: N806 - a type

    @router.delete("", status_code=202, summary="Permanently delete the workspace and its data")
    async def erase_workspace(caller: WorkspaceCaller, workspace_id: str) -> ErasureAnswer:
        return ErasureAnswer(erasure=_erasure_row(await deletions.workspace(caller)))

    @router.delete("/workflows/{workflow_id}", status_code=202, summary="Permanently delete a workflow and its runs")
    async def erase_workflow(caller: WorkspaceCaller, workspace_id: str, workflow_id: str) -> ErasureAnswer:
        return ErasureAnswer(erasure=_erasure_row(await deletions.workflow(caller, workflow_id)))

    @router.get("/erasures", summary="List deletions in progress and completed")
    async def list_erasures(caller: WorkspaceCaller, workspace_id: str) -> ErasureRows:
        return ErasureRows(erasures=[_erasure_row(each) for each in await deletions.of(caller)])

    return router


def _erasure_row(erasure: Erasure) -> ErasureRow:
    return ErasureRow(
        workspace_id=erasure.workspace_id,
        workflow_id=erasure.workflow_id,
        status=erasure.status.value,
        requested_at=iso(erasure.requested_at),
        requested_by=erasure.requested_by,
        emptied_at=iso(erasure.emptied_at) if erasure.emptied_at else None,
        documents=erasure.documents,
    )
