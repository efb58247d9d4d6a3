"""Routes to write, list by name and delete environment values, never to read them."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from deploy_service.application.environment import EnvironmentService
from shared.contracts.deployments import SetEnvironmentValue
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

ValueBody = Annotated[SetEnvironmentValue, Depends(struct_body(SetEnvironmentValue))]


def environment_router(environment_service: EnvironmentService, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/environment/{workspace_id}/names`, for the gateway."""
    router = APIRouter(
        prefix="/internal/environment/{workspace_id}/names", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))]
    )

    @router.get("")
    async def names(workspace_id: str) -> Response:
        return StructResponse(await environment_service.names(workspace_id))

    @router.put("/{name}")
    async def set_value(workspace_id: str, name: str, body: ValueBody) -> Response:
        await environment_service.set(workspace_id, name, body)
        return Response(status_code=204)

    @router.delete("/{name}")
    async def delete(workspace_id: str, name: str) -> Response:
        await environment_service.delete(workspace_id, name)
        return Response(status_code=204)

    return router
