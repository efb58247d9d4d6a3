"""Recordings in memory."""

import msgspec

from shared.contracts.recordings import DeleteRecordings, Recording, RecordingPage, RecordingSummary
from shared.errors import NotFound, Unavailable


class FakeRecordings:
    """Implements RecordingClient."""

    def __init__(self) -> None:
        self.stored: dict[str, Recording] = {}
        self.barred: dict[str, int] = {}
        """Highest barred revision of each workflow."""
        self.is_down = False

    def put(self, recording: Recording) -> None:
        self.stored[recording.run_id] = recording

    async def page(
        self, workspace_id: str, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        found = [
            each for each in self._of(workspace_id, workflow_id) if conversation_id in (None, each.conversation_id)
        ]
        return RecordingPage(tuple(map(_summary, found[:limit])))

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> bytes:
        for each in self._of(workspace_id, workflow_id):
            if each.run_id == run_id:
                return msgspec.json.encode(each)
        raise NotFound("Recording not found")

    async def delete(self, workspace_id: str, request: DeleteRecordings) -> int:
        if self.is_down:
            raise Unavailable("jobs-service does not respond")
        if request.bar_revision is not None:
            self.barred[request.workflow_id] = max(request.bar_revision, self.barred.get(request.workflow_id, 0))
        doomed = [
            each.run_id
            for each in self._of(workspace_id, request.workflow_id)
            if request.run_id in (None, each.run_id) and request.conversation_id in (None, each.conversation_id)
        ]
        for run_id in doomed:
            del self.stored[run_id]
        return len(doomed)

    async def delete_of_workflow(self, workspace_id: str, workflow_id: str, *, before: int) -> None:
        await self.delete(workspace_id, DeleteRecordings(workflow_id=workflow_id, bar_revision=before))

    def _of(self, workspace_id: str, workflow_id: str) -> list[Recording]:
        return [
            each
            for each in self.stored.values()
            if (each.workspace_id, each.workflow_id) == (workspace_id, workflow_id)
        ]


def _summary(recording: Recording) -> RecordingSummary:
    assert recording.started_at is not None
    return RecordingSummary(
        run_id=recording.run_id,
        workflow_id=recording.workflow_id,
        conversation_id=recording.conversation_id,
        status=recording.status,
        started_at=recording.started_at,
        blocks=len(recording.blocks),
    )
