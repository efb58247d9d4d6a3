"""Internal route: the model providers that the operator configured."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends
from starlette.responses import Response

from shared.contracts.deployments import ConfiguredProviders
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse


def models_router(keyed_providers: Sequence[str], tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/model-providers`, for the gateway."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])
    configured = ConfiguredProviders(tuple(keyed_providers))

    @router.get("/model-providers")
    async def providers() -> Response:
        return StructResponse(configured)

    return router
