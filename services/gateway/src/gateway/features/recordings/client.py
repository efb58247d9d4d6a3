"""Recordings at jobs-service."""

from typing import Protocol

from shared.contracts.recordings import DeleteRecordings, RecordingPage


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
