"""`/api/files/serve/…`: files of runs, for readers of the workspace."""

import asyncio
import mimetypes
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.access.authentication import Authentication
from gateway.access.models import AdmissionClosed
from gateway.access.plans import RateKind
from gateway.runs.views import SANDBOX
from gateway.sim.errors import run_router
from gateway.web.rate_limit_headers import RateLimitHeaders
from shared.clients.jobs.runs import HttpJobsClient
from shared.concurrency_slots import ConcurrencySlots
from shared.contracts.files import SERVED_UNDER, FileKey
from shared.contracts.payloads import Payload
from shared.errors import NotFound

SERVED_AT_ONCE: Final = 8
"""Each is held in memory until its client has read it, and has up to 20 MiB. A workspace has half of them."""


WAIT_SECONDS: Final = 10.0


PIECE_BYTES: Final = 256 * 1024
"""The server buffers one piece; the next one waits for the client."""


UNKNOWN_TYPE: Final = "application/octet-stream"


MISSING: Final = "File not found"


def files_router(authentication: Authentication, rate_limits: RateLimitHeaders, payloads: HttpJobsClient) -> APIRouter:
    """Return the route of files. A path that names another workspace, workflow or run is not found."""
    router = run_router("Files", 401, 403, 404, 429, 503)
    slots = ConcurrencySlots(SERVED_AT_ONCE)

    @router.get(f"{SERVED_UNDER}{{key:path}}", summary="Get a file of a run", response_class=Response)
    async def serve(request: Request, key: str) -> Response:
        caller = await authentication.require(request.headers)
        await rate_limits.count(request, caller, RateKind.API, iso_dates=False)
        file = FileKey.parse(key)
        if file is None or not caller.may_enter(file.workspace_id):
            raise NotFound(MISSING)
        caller.require_file(file)
        async with AsyncExitStack() as slot:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await slot.enter_async_context(slots.hold(file.workspace_id))
            except TimeoutError:
                raise AdmissionClosed from None
            try:
                content = await payloads.get(file.workspace_id, Payload(blob_id=file.file_id))
            except NotFound:
                raise NotFound(MISSING) from None
            return _FileResponse(content, _headers(file.name), slot.pop_all())

    return router


class _FileResponse(Response):
    """Response that sends a file as fast as its client reads, and then releases its slot."""

    def __init__(self, content: bytes, headers: Mapping[str, str], slot: AsyncExitStack) -> None:
        super().__init__(content, headers=headers)
        self._slot = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._slot:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(self.body), PIECE_BYTES):
                piece = self.body[start : start + PIECE_BYTES]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})


def _headers(name: str) -> dict[str, str]:
    """Return headers that make browsers save the untrusted file and run nothing in it."""
    return {
        "content-type": mimetypes.guess_type(name)[0] or UNKNOWN_TYPE,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "cache-control": "private, no-store",
        **SANDBOX,
    }
