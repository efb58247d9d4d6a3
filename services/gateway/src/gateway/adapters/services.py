"""deploy-service and jobs-service over internal HTTP."""

from urllib.parse import quote, urlencode

from shared.contracts.deployments import Endpoint, Version, VersionDetail
from shared.contracts.jobs import AcceptRun, CancelAnswer, RecordCancel, RunAccepted, RunView
from shared.web.client import InternalClient
from shared.web.payloads import PayloadStore


def path_of(*parts: str) -> str:
    """`/internal/…`, each part safe whatever a caller put into it."""
    return "/internal/" + "/".join(quote(part, safe="") for part in parts)


class DeployService:
    """Implements Deployments."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def endpoint(self, workflow_id: str) -> Endpoint:
        """See Deployments."""
        return await self._client.call("GET", path_of("workflows", workflow_id, "endpoint"), returns=Endpoint)

    async def version(self, workflow_id: str, number: int) -> Version:
        """See Deployments."""
        path = path_of("workflows", workflow_id, "versions", str(number))
        detail = await self._client.call("GET", path, returns=VersionDetail)
        return detail.version


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

    async def run(self, workspace_id: str, run_id: str) -> RunView:
        """See Jobs."""
        query = urlencode({"workspace_id": workspace_id})
        return await self._client.call("GET", f"{path_of('runs', run_id)}?{query}", returns=RunView)

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        """See Jobs."""
        body = RecordCancel(workspace_id, workflow_id)
        return await self._client.call("POST", path_of("runs", run_id, "cancel"), body=body, returns=CancelAnswer)

    async def claim_run_id(self, workspace_id: str, run_id: str) -> None:
        """See Jobs."""
        query = urlencode({"workspace_id": workspace_id})
        await self._client.call("POST", f"{path_of('run-ids', run_id)}?{query}")

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        """See Jobs."""
        query = urlencode({"workspace_id": workspace_id})
        await self._client.call("DELETE", f"{path_of('run-ids', run_id)}?{query}")
