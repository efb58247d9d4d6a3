"""`/api/files/serve/…`: files of runs, for readers of the workspace."""

import asyncio
import mimetypes
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.application.authentication import Authentication
from gateway.access.domain.plans import RateKind
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.runs.domain.response_block import SANDBOX
from gateway.runs.ports import Payloads
from gateway.wire.legacy.errors import run_router
from shared.contracts.files import SERVED_UNDER, FileKey
from shared.contracts.payloads import Payload
from shared.errors import NotFound

SERVED_AT_ONCE: Final = 8
"""Each is held in memory, and has up to 20 MiB."""
UNKNOWN_TYPE: Final = "application/octet-stream"
MISSING: Final = "File not found"


def files_router(authentication: Authentication, rate_limits: RateLimitHeaders, payloads: Payloads) -> APIRouter:
    """Return the route of files. A path that names another workspace, workflow or run is not found."""
    router = run_router("Files", 401, 403, 404, 503)
    room = asyncio.Semaphore(SERVED_AT_ONCE)

    @router.get(f"{SERVED_UNDER}{{key:path}}", summary="Get a file of a run", response_class=Response)
    async def serve(request: Request, key: str) -> Response:
        caller = await authentication.require(request.headers)
        rate_limits.show(request, caller, RateKind.API)
        file = FileKey.parse(key)
        if file is None or not caller.may_enter(file.workspace_id):
            raise NotFound(MISSING)
        caller.require_file(file)
        async with room:
            try:
                content = await payloads.get(file.workspace_id, Payload(blob_id=file.file_id))
            except NotFound:
                raise NotFound(MISSING) from None
        return Response(content, headers=_headers(file.name))

    return router


def _headers(name: str) -> dict[str, str]:
    """Return headers that make browsers save the untrusted file and run nothing in it."""
    return {
        "content-type": mimetypes.guess_type(name)[0] or UNKNOWN_TYPE,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "cache-control": "private, no-store",
        **SANDBOX,
    }
