"""Workflow and draft routes for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.drafts import Drafts
from deploy_service.application.modifications import Modifications
from deploy_service.application.workflows import Workflows
from shared.contracts import deployments as contracts
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

CreateBody = Annotated[contracts.CreateWorkflow, Depends(struct_body(contracts.CreateWorkflow))]
ImportBody = Annotated[contracts.ImportWorkflow, Depends(struct_body(contracts.ImportWorkflow))]
UpdateBody = Annotated[contracts.UpdateWorkflow, Depends(struct_body(contracts.UpdateWorkflow))]
SnapshotBody = Annotated[contracts.SnapshotDraft, Depends(struct_body(contracts.SnapshotDraft))]
SaveBody = Annotated[contracts.SaveDraft, Depends(struct_body(contracts.SaveDraft))]


def workflows_router(
    workflows: Workflows, drafts: Drafts, modifications: Modifications, tokens: ServiceTokens
) -> APIRouter:
    """Return `/internal/workflows` and the authors' routes for a workflow."""
    router = APIRouter(prefix="/internal/workflows", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("")
    async def page(
        workspace_id: WorkspaceId,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        deployed_only: bool = False,
        folder_id: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Response:
        found = await workflows.page(
            workspace_id, cursor=cursor, limit=limit, deployed_only=deployed_only, folder_id=folder_id
        )
        return StructResponse(found)

    @router.post("")
    async def create(body: CreateBody) -> Response:
        return StructResponse(await workflows.create(body), status_code=201)

    @router.post("/import")
    async def import_file(body: ImportBody) -> Response:
        return StructResponse(await workflows.import_file(body), status_code=201)

    @router.get("/modified")
    async def modified(workspace_id: WorkspaceId) -> Response:
        return StructResponse(await modifications.find(workspace_id))

    @router.get("/{workflow_id}")
    async def get(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await workflows.get(workflow_id, workspace_id))

    @router.patch("/{workflow_id}")
    async def update(workflow_id: str, workspace_id: WorkspaceId, body: UpdateBody) -> Response:
        return StructResponse(await workflows.update(workflow_id, workspace_id, body))

    @router.delete("/{workflow_id}")
    async def archive(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        await workflows.archive(workflow_id, workspace_id)
        return Response(status_code=204)

    @router.get("/{workflow_id}/export")
    async def export(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await workflows.export(workflow_id, workspace_id))

    @router.get("/{workflow_id}/export/yaml")
    async def export_yaml(workflow_id: str, workspace_id: WorkspaceId, layout: bool = True) -> Response:
        text = await workflows.export_yaml(workflow_id, workspace_id, with_layout=layout)
        return Response(text, media_type="application/yaml")

    @router.get("/{workflow_id}/draft")
    async def get_draft(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await drafts.get(workflow_id, workspace_id))

    @router.get("/{workflow_id}/draft/revision")
    async def get_revision(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await drafts.revision(workflow_id, workspace_id))

    @router.put("/{workflow_id}/draft")
    async def save_draft(workflow_id: str, workspace_id: WorkspaceId, body: SaveBody) -> Response:
        return StructResponse(await drafts.save(workflow_id, workspace_id, body))

    @router.get("/{workflow_id}/problems")
    async def problems(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await drafts.problems(workflow_id, workspace_id))

    @router.post("/{workflow_id}/draft/snapshot")
    async def snapshot_draft(workflow_id: str, workspace_id: WorkspaceId, body: SnapshotBody) -> Response:
        return StructResponse(await drafts.snapshot(workflow_id, workspace_id, body))

    @router.post("/{workflow_id}/versions/{word}/load")
    async def load(workflow_id: str, word: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await drafts.load(workflow_id, workspace_id, word))

    return router
