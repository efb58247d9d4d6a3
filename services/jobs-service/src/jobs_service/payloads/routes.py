"""Routes that stream large values."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jobs_service.payloads.ports import BlobRepository
from shared.contracts.files import ID_PREFIX
from shared.contracts.payloads import StoredBlob
from shared.errors import NotFound, PayloadTooLarge
from shared.ids import new_id
from shared.security.run_tickets import ticket_error
from shared.service import ServiceName
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse

BLOBS: Final = "/internal/blobs/"
Name = Annotated[str, Path(max_length=128)]


def blobs_router(blobs: BlobRepository, checks: TicketChecks, *, lifetime: timedelta) -> APIRouter:
    """Return the routes for a workspace's blobs. `lifetime` is the default and the maximum."""
    holder = checks.access(ServiceName.GATEWAY, ServiceName.EXECUTOR)

    async def is_of_workspace(workspace_id: Name, access: Annotated[RunAccess, Depends(holder)]) -> None:
        access.require(workspace_id=workspace_id)

    router = APIRouter(prefix=f"{BLOBS}{{workspace_id}}", dependencies=[Depends(is_of_workspace)])
    longest = round(lifetime.total_seconds())
    Lifetime = Annotated[int, Query(ge=1, le=longest)]  # noqa: N806 - a type

    async def store(request: Request, workspace_id: str, blob_id: str, seconds: int) -> Response:
        size = await blobs.put(workspace_id, blob_id, request.stream(), timedelta(seconds=seconds))
        return StructResponse(StoredBlob(blob_id, size), status_code=201)

    @router.post("")
    async def create(request: Request, workspace_id: Name, lifetime_seconds: Lifetime = longest) -> Response:
        return await store(request, workspace_id, new_id(), lifetime_seconds)

    @router.put("/{blob_id}")
    async def put(
        request: Request,
        workspace_id: Name,
        blob_id: Name,
        access: Annotated[RunAccess, Depends(holder)],
        lifetime_seconds: Lifetime = longest,
    ) -> Response:
        if access.ticket is not None and not access.ticket.owns_file(blob_id):
            raise ticket_error("other_file", "The run ticket is for files of another run")
        return await store(request, workspace_id, blob_id, lifetime_seconds)

    @router.get("/{blob_id}")
    async def get(
        workspace_id: Name,
        blob_id: Name,
        access: Annotated[RunAccess, Depends(holder)],
        run_id: str | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        if (
            access.ticket is not None
            and blob_id.startswith(ID_PREFIX)
            and not access.ticket.may_read_file(blob_id, run_id)
        ):
            raise NotFound(f"Stored value {blob_id} not found")
        size, chunks = await blobs.open(workspace_id, blob_id)
        if max_bytes is not None and size > max_bytes:
            raise PayloadTooLarge(f"Stored value {blob_id} has {size} bytes; the limit is {max_bytes}")
        headers = {"content-length": str(size)}
        return StreamingResponse(chunks, media_type="application/octet-stream", headers=headers)

    return router
