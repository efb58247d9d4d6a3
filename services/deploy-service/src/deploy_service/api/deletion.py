"""Permanent deletion routes for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.deletion import DeletionService
from shared.contracts.erasure import Erase
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body


def deletion_router(deletion: DeletionService, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/erasures`: check for data, and delete it; the gateway repeats it until nothing is left."""
    router = APIRouter(prefix="/internal/erasures", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("")
    async def erase(request: Annotated[Erase, Depends(struct_body(Erase))]) -> Response:
        return StructResponse(await deletion.erase(request))

    @router.get("/workflows/{workflow_id}")
    async def require_exists(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        await deletion.require_exists(workspace_id, workflow_id)
        return Response(status_code=204)

    return router
