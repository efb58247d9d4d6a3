"""Routes with which workers claim, renew and finish durable runs."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs_service.claims.service import ClaimService
from jobs_service.journal.service import JournalService
from shared.contracts.claims import AppendJournal, ClaimRun, FinishRun, JournalPosition, ReleaseRun, RenewLease
from shared.ids import RUN_KEY_LENGTH
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

LONG_BYTES: Final = 1024 * 1024
LONG_AT_ONCE: Final = 4
"""Limit for concurrent long appends. Each may have 16 MiB, and is in memory three times until it is stored."""
RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]
Number = Annotated[int, Query(ge=0, le=2**31)]


def claim_routers(
    claim_service: ClaimService, journal_service: JournalService, tokens: ServiceTokens, checks: TicketChecks
) -> Sequence[APIRouter]:
    """Return the executor's routes: a claim returns the run's ticket, which all other routes require."""
    holder = checks.access(ServiceName.EXECUTOR)

    async def holds(run_id: RunId, access: Annotated[RunAccess, Depends(holder)]) -> None:
        access.require(run_id=run_id)

    prefix = "/internal/runs/{run_id}"
    claims = APIRouter(prefix=prefix, dependencies=[Depends(only(tokens, ServiceName.EXECUTOR))])
    router = APIRouter(prefix=prefix, dependencies=[Depends(holds)])
    read_appended = struct_body(AppendJournal)
    long_appends = asyncio.Semaphore(LONG_AT_ONCE)

    @claims.post("/claim")
    async def claim(run_id: RunId, request: Annotated[ClaimRun, Depends(struct_body(ClaimRun))]) -> Response:
        return StructResponse(await claim_service.claim(run_id, request))

    @router.post("/lease")
    async def renew(run_id: RunId, held: Annotated[RenewLease, Depends(struct_body(RenewLease))]) -> Response:
        return StructResponse(await claim_service.renew(run_id, held.attempt))

    @router.post("/journal", status_code=204)
    async def append(run_id: RunId, request: Request) -> None:
        is_long = int(request.headers.get("content-length", 0)) > LONG_BYTES
        async with long_appends if is_long else nullcontext():
            await journal_service.append(run_id, await read_appended(request))

    @router.get("/journal")
    async def read(run_id: RunId, attempt: Number, index: Number, written_by: Number) -> Response:
        return StructResponse(await journal_service.page(run_id, attempt, JournalPosition(index, written_by)))

    @router.post("/finish", status_code=204)
    async def finish(run_id: RunId, report: Annotated[FinishRun, Depends(struct_body(FinishRun))]) -> None:
        await claim_service.finish(run_id, report)

    @router.post("/release", status_code=204)
    async def release(run_id: RunId, held: Annotated[ReleaseRun, Depends(struct_body(ReleaseRun))]) -> None:
        await claim_service.release(run_id, held.attempt)

    return claims, router
