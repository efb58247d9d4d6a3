"""Permanent deletion: `DELETE /api/workspaces/{wid}`, `…/workflows/{id}`, and its progress."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from gateway.access.domain.credentials import Caller
from gateway.deletion.rules import Erasure
from gateway.deletion.service import DeletionService
from gateway.web.bodies import Wire
from gateway.web.routes import WorkspaceAccess, legacy_router
from shared.clock import iso


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
        return ErasureAnswer(erasure=_row(await deletions.workspace(caller)))

    @router.delete("/workflows/{workflow_id}", status_code=202, summary="Permanently delete a workflow and its runs")
    async def erase_workflow(caller: WorkspaceCaller, workspace_id: str, workflow_id: str) -> ErasureAnswer:
        return ErasureAnswer(erasure=_row(await deletions.workflow(caller, workflow_id)))

    @router.get("/erasures", summary="List deletions in progress and completed")
    async def list_erasures(caller: WorkspaceCaller, workspace_id: str) -> ErasureRows:
        return ErasureRows(erasures=[_row(each) for each in await deletions.of(caller)])

    return router


def _row(erasure: Erasure) -> ErasureRow:
    return ErasureRow(
        workspace_id=erasure.workspace_id,
        workflow_id=erasure.workflow_id,
        status=erasure.status.value,
        requested_at=iso(erasure.requested_at),
        requested_by=erasure.requested_by,
        emptied_at=iso(erasure.emptied_at) if erasure.emptied_at else None,
        documents=erasure.documents,
    )
