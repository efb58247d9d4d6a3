"""Client of the public API, as a caller with a key uses it. The last frame of a stream is the JSON string `[DONE]`."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

JsonObject = dict[str, Any]
TERMINAL = ("completed", "failed")


class PublicApi:
    """Calls the gateway at `url`; `workspace_id` receives imported workflows."""

    def __init__(self, url: str, api_key: str, workspace_id: str) -> None:
        self.url = url
        self.workspace_id = workspace_id
        self.http = httpx2.AsyncClient(
            base_url=url, headers={"x-api-key": api_key}, timeout=30, limits=httpx2.Limits(max_connections=200)
        )

    async def import_(self, workflow: JsonObject) -> httpx2.Response:
        """Import a workflow file."""
        body = {"workspaceId": self.workspace_id, "workflow": workflow}
        return await self.http.post("/api/v1/workflows/import", json=body)

    async def deploy(self, workflow_id: str) -> httpx2.Response:
        """Publish the draft."""
        return await self.http.post(f"/api/v1/workflows/{workflow_id}/deploy")

    async def publish(self, workflow: JsonObject) -> str:
        """Import and deploy a workflow file; return the workflow's id."""
        imported = await self.import_(workflow)
        assert imported.status_code == 201, imported.text
        workflow_id = str(imported.json()["data"]["id"])
        deployed = await self.deploy(workflow_id)
        assert deployed.status_code == 200, deployed.text
        return workflow_id

    async def workflow_names(self) -> list[str]:
        """Return the names of all workflows, in no order."""
        names: list[str] = []
        query = {"workspaceId": self.workspace_id, "limit": "100"}
        while True:
            page = (await self.http.get("/api/v1/workflows", params=query)).raise_for_status().json()
            names += [workflow["name"] for workflow in page["data"]]
            if not page.get("nextCursor"):
                return names
            query["cursor"] = page["nextCursor"]

    async def run(
        self, workflow_id: str, body: JsonObject | None = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Run the workflow and wait."""
        return await self.http.post(f"/api/workflows/{workflow_id}/execute", json=body or {}, headers=headers)

    @asynccontextmanager
    async def stream(self, workflow_id: str, body: JsonObject) -> AsyncIterator["Frames"]:
        """Run the workflow and read the frames as they arrive."""
        path = f"/api/workflows/{workflow_id}/execute"
        async with self.http.stream("POST", path, json={**body, "stream": True}) as response:
            yield Frames(response)

    async def queue(self, workflow_id: str, body: JsonObject | None = None) -> JsonObject:
        """Queue a run; return the body of the 202."""
        response = await self.run(workflow_id, body, headers={"X-Execution-Mode": "async"})
        assert response.status_code == 202, response.text
        accepted: JsonObject = response.json()
        return accepted

    async def job(self, job_id: str) -> JsonObject:
        """Return the status of a queued run."""
        found: JsonObject = (await self.http.get(f"/api/jobs/{job_id}")).raise_for_status().json()
        return found

    async def ended_job(self, job_id: str, *, seconds: float = 30) -> JsonObject:
        """Poll until the job has ended."""
        deadline = time.monotonic() + seconds
        while (found := await self.job(job_id))["status"] not in TERMINAL:
            assert time.monotonic() < deadline, f"not ended within {seconds} s: {found}"
            await asyncio.sleep(0.05)
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


class Frames:
    """The frames of one stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Any:
        """Return the next frame's JSON. Raises StopAsyncIteration at the end."""
        while not (line := await anext(self._lines)):
            pass
        assert line.startswith("data: "), line
        return json.loads(line[6:])

    async def rest(self) -> list[Any]:
        """Return every remaining frame."""
        return [json.loads(line[6:]) async for line in self._lines if line]
