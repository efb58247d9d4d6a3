"""Deployment and version routes for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from deploy_service.api.parameters import Number, WorkspaceId
from deploy_service.application.deployments import Deployments
from deploy_service.application.versions import Versions
from shared.contracts import deployments as contracts
from shared.contracts.runs import Trigger
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

DeployBody = Annotated[contracts.Deploy, Depends(struct_body(contracts.Deploy))]
AccessBody = Annotated[contracts.UpdateAccess, Depends(struct_body(contracts.UpdateAccess))]
VersionBody = Annotated[contracts.UpdateVersion, Depends(struct_body(contracts.UpdateVersion))]
State = Annotated[str, Query(max_length=10, description="`draft`, `active` or a version's number.")]


def deployments_router(deployments: Deployments, versions: Versions, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/workflows/{id}/…`: deploy, promote, undeploy, access, versions."""
    router = APIRouter(
        prefix="/internal/workflows/{workflow_id}", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))]
    )

    @router.post("/deploy")
    async def deploy(workflow_id: str, workspace_id: WorkspaceId, body: DeployBody) -> Response:
        return StructResponse(await deployments.deploy(workflow_id, workspace_id, body))

    @router.post("/deploy-unchecked")
    async def deploy_unchecked(workflow_id: str, workspace_id: WorkspaceId, body: DeployBody) -> Response:
        """Deploy without checks, for conformance tests. No public route leads here."""
        return StructResponse(await deployments.deploy(workflow_id, workspace_id, body, unchecked=True))

    @router.delete("/deployment")
    async def undeploy(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await deployments.undeploy(workflow_id, workspace_id))

    @router.patch("/access")
    async def set_access(workflow_id: str, workspace_id: WorkspaceId, body: AccessBody) -> Response:
        return StructResponse(await deployments.set_access(workflow_id, workspace_id, body))

    @router.get("/status")
    async def status(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await deployments.status(workflow_id, workspace_id))

    @router.get("/diff")
    async def diff(
        workflow_id: str,
        workspace_id: WorkspaceId,
        before: Annotated[State, Query(alias="from")] = "active",
        after: Annotated[State, Query(alias="to")] = "draft",
    ) -> Response:
        return StructResponse(await versions.diff(workflow_id, workspace_id, before=before, after=after))

    @router.get("/resume-map")
    async def resume_map(
        workflow_id: str,
        workspace_id: WorkspaceId,
        before: Annotated[int, Query(alias="from", ge=1)],
        after: Annotated[int, Query(alias="to", ge=1)],
        trigger: Trigger,
    ) -> Response:
        return StructResponse(
            await versions.resume_map(workflow_id, workspace_id, before=before, after=after, trigger=trigger)
        )

    @router.get("/versions")
    async def page(
        workflow_id: str,
        workspace_id: WorkspaceId,
        before: Annotated[int | None, Query(ge=1)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Response:
        return StructResponse(await versions.page(workflow_id, workspace_id, before=before, limit=limit))

    @router.get("/versions/{number}")
    async def get(workflow_id: str, number: Number, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await versions.get(workflow_id, workspace_id, number))

    @router.patch("/versions/{number}")
    async def update(workflow_id: str, number: Number, workspace_id: WorkspaceId, body: VersionBody) -> Response:
        return StructResponse(await versions.update(workflow_id, workspace_id, number, body))

    @router.post("/versions/{number}/promote")
    async def promote(workflow_id: str, number: Number, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await deployments.promote(workflow_id, workspace_id, number))

    return router
