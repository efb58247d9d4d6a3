"""jobs-service over internal HTTP."""

from gateway.adapters.paths import path_of
from shared.contracts.jobs import AcceptRun, CancelAnswer, RecordCancel, RunAccepted, RunPage, RunView
from shared.web.client import InternalClient
from shared.web.payloads import PayloadStore


class JobsService:
    """Implements RunKeeper."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        payloads = PayloadStore(client)
        self.put = payloads.put
        self.get = payloads.get

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """See Jobs."""
        return await self._client.call("POST", path_of("runs"), body=request, returns=RunAccepted)

    async def job(self, job_id: str) -> RunView:
        """See Jobs."""
        return await self._client.call("GET", path_of("jobs", job_id), returns=RunView)

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        """See Jobs."""
        path = path_of("runs", run_id, workspace_id=workspace_id, output=output, blocks=blocks)
        return await self._client.call("GET", path, returns=RunView)

    async def runs(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> RunPage:
        """See Jobs."""
        path = path_of("runs", workspace_id=workspace_id, workflow_id=workflow_id, limit=limit, cursor=cursor)
        return await self._client.call("GET", path, returns=RunPage)

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        """See Jobs."""
        body = RecordCancel(workspace_id, workflow_id)
        return await self._client.call("POST", path_of("runs", run_id, "cancel"), body=body, returns=CancelAnswer)

    async def claim_run_id(self, workspace_id: str, run_id: str) -> None:
        """See Jobs."""
        await self._client.call("POST", path_of("run-ids", run_id, workspace_id=workspace_id))

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        """See Jobs."""
        await self._client.call("DELETE", path_of("run-ids", run_id, workspace_id=workspace_id))
