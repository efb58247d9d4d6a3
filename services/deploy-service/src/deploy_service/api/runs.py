"""Routes that a run reads: endpoint, snapshot, environment."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from deploy_service.application.deployments import Deployments
from deploy_service.application.environment import EnvironmentService
from deploy_service.application.run_rights import RunRights
from shared.service import ServiceName
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse

IMMUTABLE: Final = {"cache-control": "private, max-age=31536000, immutable"}
NO_STORE: Final = {"cache-control": "no-store"}
Identifier = Annotated[str | None, Query(min_length=1, max_length=128)]


def runs_router(
    deployments: Deployments, environment_service: EnvironmentService, rights: RunRights, checks: TicketChecks
) -> APIRouter:
    """Return executor-service's routes, authorized by run tickets. The gateway uses the first, too."""
    router = APIRouter(prefix="/internal")
    of_run = Depends(checks.access(ServiceName.EXECUTOR))
    of_run_or_gateway = Depends(checks.access(ServiceName.GATEWAY, ServiceName.EXECUTOR))

    @router.get("/workflows/{workflow_id}/endpoint")
    async def endpoint(
        workflow_id: str,
        access: Annotated[RunAccess, of_run_or_gateway],
        workspace_id: Identifier = None,
        snapshot_hash: Identifier = None,
    ) -> Response:
        """With a run ticket, the answer includes a ticket for the live snapshot, or for `snapshot_hash`."""
        if access.ticket is None:
            return StructResponse(await deployments.endpoint(workflow_id, workspace_id))
        access.require(workspace_id=workspace_id)
        return StructResponse(await rights.called(access.ticket, workflow_id, snapshot_hash), headers=NO_STORE)

    @router.get("/snapshots/{workspace_id}/{snapshot_hash}")
    async def snapshot(workspace_id: str, snapshot_hash: str, access: Annotated[RunAccess, of_run]) -> Response:
        access.require(workspace_id=workspace_id, snapshot_hash=snapshot_hash)
        content = await deployments.snapshot(workspace_id, snapshot_hash)
        return Response(content.document, media_type="application/json", headers=IMMUTABLE)

    @router.get("/environment/{workspace_id}")
    async def environment(
        workspace_id: str,
        access: Annotated[RunAccess, of_run],
        user_id: Identifier = None,
        names: str | None = None,
    ) -> Response:
        wanted = None if names is None else names.split(",")
        access.require(workspace_id=workspace_id, user_id=user_id)
        if access.ticket is None:
            found = await environment_service.open(workspace_id, user_id, wanted)
        else:
            found = await rights.environment(access.ticket, wanted)
        return StructResponse(found, headers=NO_STORE)

    return router
