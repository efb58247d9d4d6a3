"""`/api/v2/workflows/{id}/recordings`: recorded runs: list, show, delete."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.runs.executions import Executions
from gateway.runs.requests import replay_request
from gateway.v2.models import ErrorAnswer, QueuedRun
from gateway.v2.routes import NO_STORE, V2Access, v2_router
from gateway.web.bodies import Data, RequestBody, Wire, json_of
from gateway.web.routes import answers
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clock import iso
from shared.contracts.conversations import LONGEST_CONVERSATION_ID
from shared.contracts.recording_policy import ReplayRun
from shared.contracts.recordings import DeleteRecordings, RecordingPage, RecordingSummary
from shared.errors import NotFound
from shared.ids import run_key
from shared.web.struct_bodies import StructResponse


class RecordingRow(Wire):
    """Recording without contents."""

    run_id: str
    version: int | None
    trigger: str
    conversation_id: str | None
    status: str
    started_at: str
    duration_ms: float
    blocks: int
    size: int
    is_cut: bool
    expires_at: str | None


class RecordingList(Wire):
    data: list[RecordingRow]
    next_cursor: str | None


class ReplayBody(RequestBody):
    """What to replay a recorded run on. Neither version nor draft: the live version."""

    version: int | None = Field(None, ge=1, lt=2**31, description="Number of the version.")
    draft: bool = Field(False, description="Replay on the draft.")
    ignore: list[Annotated[str, StringConstraints(min_length=1, max_length=500)]] = Field(
        [], max_length=100, description="Output fields that may differ, as block.path, with * for any text."
    )


class Deleted(Wire):
    deleted: int


class Recordings:
    """Service for recordings. Each reading and each deletion is in the audit log.

    A recording has the exact values of a run, which its log masks: so it needs the write scope.
    """

    def __init__(self, client: HttpRecordingClient, audit: AuditLog) -> None:
        self._client = client
        self._audit = audit

    async def page(
        self, caller: Caller, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        """Return recordings without contents, newest first. Raises MissingScope, AccessDenied, Unavailable."""
        caller.require(Scope.WRITE)
        return await self._client.page(
            caller.workspace.id, workflow_id, conversation_id=conversation_id, limit=limit, cursor=cursor
        )

    async def read(self, caller: Caller, workflow_id: str, run_id: str) -> bytes:
        """Return a Recording as JSON. Raises MissingScope, AccessDenied, NotFound, Unavailable."""
        caller.require(Scope.WRITE)
        content = await self._client.read(caller.workspace.id, workflow_id, run_id)
        await self._audit.record(caller, "recording.read", target_id=run_id, after={"workflowId": workflow_id})
        return content

    async def record_replay(self, caller: Caller, workflow_id: str, run_id: str) -> None:
        """Check that the caller may replay a recording, which exists, and record it.

        Raises MissingScope, AccessDenied, NotFound, Unavailable.
        """
        caller.require(Scope.WRITE)
        await self._client.read(caller.workspace.id, workflow_id, run_id)
        await self._audit.record(caller, "recording.replayed", target_id=run_id, after={"workflowId": workflow_id})

    async def delete_run(self, caller: Caller, workflow_id: str, run_id: str) -> None:
        """Delete the recording of a run. Raises MissingScope, AccessDenied, NotFound, Unavailable."""
        if await self._delete(caller, DeleteRecordings(workflow_id=workflow_id, run_id=run_id), run_id) == 0:
            raise NotFound("Recording not found")

    async def delete_conversation(self, caller: Caller, workflow_id: str, conversation_id: str) -> int:
        """Delete the recordings of a conversation; return how many. Raises MissingScope, AccessDenied, Unavailable."""
        request = DeleteRecordings(workflow_id=workflow_id, conversation_id=conversation_id)
        return await self._delete(caller, request, conversation_id)

    async def _delete(self, caller: Caller, request: DeleteRecordings, target_id: str) -> int:
        caller.require(Scope.WRITE)
        deleted = await self._client.delete(caller.workspace.id, request)
        facts = {"workflowId": request.workflow_id, "deleted": deleted}
        await self._audit.record(caller, "recording.deleted", target_id=target_id, after=facts)
        return deleted


def recordings_router(
    access: V2Access, recordings: Recordings, executions: Executions, *, public_url: str
) -> APIRouter:
    """Recorded runs of a workflow."""
    router = v2_router(400, 401, 403, 404, 429, 503, prefix="/api/v2/workflows/{workflow_id}/recordings")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type
    Conversation = Annotated[  # noqa: N806 - a type
        str | None, Query(alias="conversationId", min_length=1, max_length=LONGEST_CONVERSATION_ID)
    ]

    @router.get("", response_model=RecordingList, summary="List recorded runs")
    async def page(
        caller: WorkflowCaller,
        workflow_id: str,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
        conversation_id: Conversation = None,
    ) -> Response:
        found = await recordings.page(caller, workflow_id, conversation_id=conversation_id, limit=limit, cursor=cursor)
        body = {"data": list(map(_row, found.recordings)), "nextCursor": found.next_cursor}
        return StructResponse(body, headers=NO_STORE)

    @router.delete("", response_model=Data[Deleted], summary="Delete the recorded runs of a conversation")
    async def delete_conversation(
        caller: WorkflowCaller,
        workflow_id: str,
        conversation_id: Annotated[
            str, Query(alias="conversationId", min_length=1, max_length=LONGEST_CONVERSATION_ID)
        ],
    ) -> Response:
        deleted = await recordings.delete_conversation(caller, workflow_id, conversation_id)
        return StructResponse({"data": {"deleted": deleted}}, headers=NO_STORE)

    @router.get("/{run_id}", response_model=Data[dict[str, Any]], summary="Show a recorded run")
    async def read(caller: WorkflowCaller, workflow_id: str, run_id: str) -> Response:
        content = await recordings.read(caller, workflow_id, run_id)
        return StructResponse({"data": msgspec.Raw(content)}, headers=NO_STORE)

    @router.post(
        "/{run_id}/replay",
        status_code=202,
        response_model=Data[QueuedRun],
        summary="Replay a recorded run on a version or the draft",
        responses=answers(ErrorAnswer, 413),
    )
    async def replay(
        caller: WorkflowCaller,
        workflow_id: str,
        run_id: str,
        body: Annotated[ReplayBody, Depends(json_of(ReplayBody))],
    ) -> Response:
        await recordings.record_replay(caller, workflow_id, run_id)
        caller, endpoint = await executions.authorize(caller, workflow_id)
        replayed = ReplayRun(run_key(caller.workspace.id, run_id), tuple(body.ignore))
        request = replay_request(version=body.version, is_draft=body.draft, replay=replayed)
        accepted = await executions.enqueue(caller, endpoint, request)
        url = f"{public_url}/api/v2/workflows/{workflow_id}/runs/{accepted.run_id}"
        return StructResponse({"data": {"runId": accepted.run_id, "statusUrl": url}}, 202, NO_STORE)

    @router.delete("/{run_id}", status_code=204, summary="Delete a recorded run")
    async def delete(caller: WorkflowCaller, workflow_id: str, run_id: str) -> None:
        await recordings.delete_run(caller, workflow_id, run_id)

    return router


def _row(recording: RecordingSummary) -> dict[str, Any]:
    return {
        "runId": recording.run_id,
        "version": recording.version,
        "trigger": recording.trigger,
        "conversationId": recording.conversation_id,
        "status": recording.status,
        "startedAt": iso(recording.started_at),
        "durationMs": recording.duration_ms,
        "blocks": recording.blocks,
        "size": recording.size,
        "isCut": recording.is_cut,
        "expiresAt": None if recording.expires_at is None else iso(recording.expires_at),
    }
