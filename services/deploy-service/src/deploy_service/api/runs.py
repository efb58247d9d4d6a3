"""What a run needs: where a workflow points, the state there, the workspace's environment."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from deploy_service.application.deployments import Deployments
from deploy_service.application.environment import EnvironmentVault
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.structs import StructResponse

IMMUTABLE: Final = {"cache-control": "private, max-age=31536000, immutable"}
NEVER_KEPT: Final = {"cache-control": "no-store"}


def runs_router(deployments: Deployments, vault: EnvironmentVault, tokens: ServiceTokens) -> APIRouter:
    """The routes of executor-service; the gateway shares the first."""
    router = APIRouter(prefix="/internal")
    executor = Depends(only(tokens, ServiceName.EXECUTOR))
    callers = Depends(only(tokens, ServiceName.GATEWAY, ServiceName.EXECUTOR))

    @router.get("/workflows/{workflow_id}/endpoint", dependencies=[callers])
    async def endpoint(
        workflow_id: str, workspace_id: Annotated[str | None, Query(min_length=1, max_length=128)] = None
    ) -> Response:
        return StructResponse(await deployments.endpoint(workflow_id, workspace_id))

    @router.get("/snapshots/{workspace_id}/{snapshot_hash}", dependencies=[executor])
    async def snapshot(workspace_id: str, snapshot_hash: str) -> Response:
        content = await deployments.snapshot(workspace_id, snapshot_hash)
        return Response(content.document, media_type="application/json", headers=IMMUTABLE)

    @router.get("/environment/{workspace_id}", dependencies=[executor])
    async def environment(
        workspace_id: str,
        user_id: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
        names: str | None = None,
    ) -> Response:
        wanted = None if names is None else names.split(",")
        return StructResponse(await vault.open(workspace_id, user_id, wanted), headers=NEVER_KEPT)

    return router
