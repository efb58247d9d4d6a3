"""Recordings of runs."""

from shared.clients.calls import ServiceCalls
from shared.contracts.recordings import DeletedRecordings, DeleteRecordings, RecordingPage
from shared.ids import run_key
from shared.web.paths import path_of


class HttpRecordingClient(ServiceCalls):
    """Implements RecordingClient."""

    async def page(
        self, workspace_id: str, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        path = path_of(
            "recordings",
            workspace_id,
            workflow_id=workflow_id,
            conversation_id=conversation_id,
            limit=limit,
            cursor=cursor,
        )
        return await self._client.call("GET", path, returns=RecordingPage)

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> bytes:
        path = path_of("recordings", workspace_id, run_key(workspace_id, run_id), workflow_id=workflow_id)
        return await self._client.fetch("GET", path)

    async def delete(self, workspace_id: str, request: DeleteRecordings) -> int:
        path = path_of("recordings", workspace_id, "delete")
        return (await self._client.call("POST", path, body=request, returns=DeletedRecordings)).deleted

    async def delete_of_workflow(self, workspace_id: str, workflow_id: str, *, before: int) -> None:
        await self.delete(workspace_id, DeleteRecordings(workflow_id=workflow_id, bar_revision=before))
