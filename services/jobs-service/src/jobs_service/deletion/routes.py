"""Route for permanent deletion, for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.deletion.service import DeletionService
from shared.contracts.erasure import Erase
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body


def deletion_router(deletion: DeletionService, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/erasures`, which the gateway repeats until nothing is left."""
    router = APIRouter(prefix="/internal/erasures", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("")
    async def erase(request: Annotated[Erase, Depends(struct_body(Erase))]) -> Response:
        return StructResponse(await deletion.erase(request))

    return router
