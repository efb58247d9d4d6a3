"""Routes for recordings: workers store them, the gateway reads and deletes them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from jobs_service.recordings.packs import PackEntry, select
from jobs_service.recordings.repository import MongoRecordings, ReceivedPack
from jobs_service.runs.documents import RunRepository
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    DeletedRecordings,
    DeleteRecordings,
    RecordingPack,
    RecordingSummary,
    RefusedRecording,
    StoredRecordings,
    StorePacks,
)
from shared.errors import InvalidRequest, NotFound
from shared.ids import RUN_KEY_LENGTH, run_key
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

DELETED: Final = "Recordings of this workflow were deleted after the run began"
BAD_LENGTHS: Final = "The lengths of the recordings do not add up to the content of their pack"
OTHER_WORKFLOW: Final = "The recording is of another workflow than its pack"
TOO_MANY: Final = f"A batch has at most {MAX_BATCH_RECORDINGS} recordings"
BAD_ID: Final = f"A run id has at most {RUN_KEY_LENGTH} characters"
MAX_SUMMARY_BYTES: Final = 4 * 1024
"""A list decompresses and decodes the summaries of many packs."""
SHORT_TEXTS: Final = 512
"""Characters of a summary that is short however they are encoded."""
TOO_LONG: Final = f"The summary of a recording has at most {MAX_SUMMARY_BYTES} bytes"
_encode: Final = msgspec.json.Encoder().encode


async def store_packs(
    packs: Sequence[RecordingPack], recordings: MongoRecordings, checks: TicketChecks
) -> StoredRecordings:
    """Store the recordings whose ticket is that of their run. Raises InvalidRequest, Unavailable."""
    if sum(len(each.recordings) for each in packs) > MAX_BATCH_RECORDINGS:
        raise InvalidRequest(TOO_MANY)
    refused: list[RefusedRecording] = []
    received: list[ReceivedPack] = []
    seen: set[str] = set()
    for pack in reversed(packs):  # the last recording of a run wins
        reasons = _refusals(pack, checks)
        refused += [
            RefusedRecording(each.summary.run_id, reason)
            for each, reason in zip(pack.recordings, reasons, strict=True)
            if reason is not None
        ]
        received.append(_accepted(pack, reasons, seen))
    stored = await recordings.put([each for each in received if each.entries])
    deleted = (each for each in received if each not in stored)
    refused += [RefusedRecording(entry.run, DELETED) for each in deleted for entry in each.entries]
    return StoredRecordings(tuple(refused))


def is_too_long(summary: RecordingSummary) -> bool:
    """Return whether a summary is too long to be stored."""
    texts = len(summary.run_id) + len(summary.workflow_id) + len(summary.trigger) + len(summary.conversation_id or "")
    return texts > SHORT_TEXTS and len(_encode(summary)) > MAX_SUMMARY_BYTES


def _accepted(pack: RecordingPack, reasons: Sequence[str | None], seen: set[str]) -> ReceivedPack:
    """Return a pack without refused recordings and without runs in `seen`, and add its runs to `seen`.

    If a run has several recordings, only the last one is included. Raises InvalidRequest.
    """
    entries = [PackEntry(each.summary.run_id, each.length, each.summary) for each in pack.recordings]
    lengths = [each.length for each in entries]
    if sum(lengths) != len(pack.content) or min(lengths, default=0) < 0:
        raise InvalidRequest(BAD_LENGTHS)
    owner, content = (pack.workspace_id, pack.workflow_id), pack.content
    last = {
        entry.run: at
        for at, (entry, reason) in enumerate(zip(entries, reasons, strict=True))
        if reason is None and entry.run not in seen
    }
    seen |= last.keys()
    if len(last) < len(entries):
        entries, content = select(entries, content, [last.get(each.run) == at for at, each in enumerate(entries)])
    return ReceivedPack(owner, pack.record, entries, content)


def _refusals(pack: RecordingPack, checks: TicketChecks) -> list[str | None]:
    """Return the reason why each recording is refused; None for an accepted one."""
    tickets, runs = [each.ticket for each in pack.recordings], [each.summary.run_id for each in pack.recordings]
    reasons = checks.refusals(tickets, pack.workspace_id, pack.workflow_id, runs)
    return [reason or _unfit(each.summary, pack) for each, reason in zip(pack.recordings, reasons, strict=True)]


def _unfit(summary: RecordingSummary, pack: RecordingPack) -> str | None:
    if summary.workflow_id != pack.workflow_id:
        return OTHER_WORKFLOW
    if len(summary.run_id) > RUN_KEY_LENGTH:
        return BAD_ID
    return TOO_LONG if is_too_long(summary) else None


MAX_PAGE: Final = 200
Workspace = Annotated[str, Path(max_length=128)]
Run = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]


def recordings_router(
    recordings: MongoRecordings,
    runs: RunRepository,
    discard_journals: Callable[[str, str], Awaitable[None]],
    tokens: ServiceTokens,
    checks: TicketChecks,
) -> APIRouter:
    """Return `/internal/recordings`.

    A worker stores only recordings of runs whose tickets it has, and reads only the one that its run replays.
    `discard_journals` deletes the journals of a workflow's failed runs.
    """
    router = APIRouter(prefix="/internal/recordings")
    reader = checks.access(ServiceName.GATEWAY, ServiceName.EXECUTOR)
    gateway = [Depends(only(tokens, ServiceName.GATEWAY))]

    from_workers = [Depends(only(tokens, ServiceName.EXECUTOR))]

    @router.post("/packs", dependencies=from_workers)
    async def put_packs(body: Annotated[StorePacks, Depends(struct_body(StorePacks, is_msgpack=True))]) -> Response:
        return StructResponse(await store_packs(body.packs, recordings, checks))

    @router.get("/{workspace_id}", dependencies=gateway)
    async def page(
        workspace_id: Workspace,
        workflow_id: str,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: str | None = None,
        conversation_id: str | None = None,
    ) -> Response:
        found = await recordings.page(
            workspace_id, workflow_id, conversation_id=conversation_id, limit=limit, cursor=cursor
        )
        return StructResponse(found)

    async def may_read(
        workspace_id: Workspace, run: Run, workflow_id: str, access: Annotated[RunAccess, Depends(reader)]
    ) -> None:
        access.require(workspace_id=workspace_id, workflow_id=workflow_id)
        if access.ticket is not None:
            found = await runs.claimable(access.ticket.run_id)
            replayed = None if found is None else found.spec.replay
            if replayed is None or replayed.run_id != run:
                raise NotFound("Recording not found")

    @router.get("/{workspace_id}/{run}", dependencies=[Depends(may_read)])
    async def read(workspace_id: Workspace, run: Run, workflow_id: str) -> Response:
        return Response(await recordings.read(workspace_id, workflow_id, run), media_type="application/json")

    @router.post("/{workspace_id}/delete", dependencies=gateway)
    async def delete(
        workspace_id: Workspace, body: Annotated[DeleteRecordings, Depends(struct_body(DeleteRecordings))]
    ) -> Response:
        run = None if body.run_id is None else run_key(workspace_id, body.run_id)
        if body.bar_revision is not None:
            await discard_journals(workspace_id, body.workflow_id)
        return StructResponse(DeletedRecordings(await recordings.delete(workspace_id, body, run)))

    return router
