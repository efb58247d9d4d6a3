"""Routes for archived workflows, for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.workflows import Workflows
from shared.contracts.deployments import RestoreWorkflow
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

RestoreBody = Annotated[RestoreWorkflow, Depends(struct_body(RestoreWorkflow))]


def deleted_workflows_router(workflows: Workflows, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/deleted-workflows`: list and restore them, and find those to delete permanently."""
    router = APIRouter(prefix="/internal/deleted-workflows", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("")
    async def deleted(workspace_id: WorkspaceId) -> Response:
        return StructResponse(await workflows.deleted(workspace_id))

    @router.get("/expired")
    async def expired(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Response:
        return StructResponse(await workflows.expired(limit))

    @router.post("/{workflow_id}/restore")
    async def restore(workflow_id: str, workspace_id: WorkspaceId, body: RestoreBody) -> Response:
        return StructResponse(await workflows.restore(workflow_id, workspace_id, body))

    return router
