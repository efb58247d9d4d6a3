"""Recorded runs of a workflow, for members who may edit it."""

from typing import Protocol

from gateway.access.audit import AuditLog
from gateway.access.domain.credentials import Caller, Scope
from shared.contracts.recordings import DeleteRecordings, RecordingPage
from shared.errors import NotFound


class RecordingClient(Protocol):
    """Port of recordings. Every method raises Unavailable."""

    async def page(
        self, workspace_id: str, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        """Return a workflow's recordings, newest first."""

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> bytes:
        """Return a Recording as JSON. Raises NotFound."""

    async def delete(self, workspace_id: str, request: DeleteRecordings) -> int:
        """Delete recordings; return how many."""

    async def delete_of_workflow(self, workspace_id: str, workflow_id: str, *, before: int) -> None:
        """Delete a workflow's recordings, and refuse late ones of runs that began at revision `before` or earlier."""


class Recordings:
    """Service for recordings. Each reading and each deletion is in the audit log.

    A recording has the exact values of a run, which its log masks: so it needs the write scope.
    """

    def __init__(self, client: RecordingClient, audit: AuditLog) -> None:
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
        """Check that the caller may replay a recording, and record it. Raises MissingScope, AccessDenied."""
        caller.require(Scope.WRITE)
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
