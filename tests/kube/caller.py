"""Call a workflow in three modes until the file STOP exists. Runs in a pod of the image `tools`, given as text.

The last line of its output is the result: number of calls, what failed, and how the queued runs ended.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx2

from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings
from shared.security.api_keys import mask_key

STOP: Final = Path("/tmp/stop")
PAUSE_SECONDS: Final = 0.2
CALL_SECONDS: Final = 60.0
END_SECONDS: Final = 120.0
INPUT: Final = {"input": "hello"}


class Caller:
    """Callers of one workflow. Each call opens a connection, so that the Service chooses its gateway."""

    def __init__(self, url: str, api_key: str, workspace_id: str) -> None:
        self._url = url
        self._api_key = api_key
        self._workspace = f"/api/workspaces/{workspace_id}/api-keys"
        self._workspace_id = workspace_id
        self._calls = 0
        self._failed: list[str] = []
        self._job_ids: list[str] = []
        self._workflow = ""

    async def publish(self, workflow: dict[str, Any]) -> None:
        """Import and deploy the workflow. Raises httpx2.HTTPError."""
        imported = await self._send(
            "POST", "/api/v1/workflows/import", {"workspaceId": self._workspace_id, "workflow": workflow}
        )
        workflow_id = imported.raise_for_status().json()["data"]["id"]
        (await self._send("POST", f"/api/v1/workflows/{workflow_id}/deploy")).raise_for_status()
        self._workflow = f"/api/workflows/{workflow_id}"

    async def await_gateway(self) -> None:
        """Wait for an answer: the network policies of a new pod may take some seconds. Raises TimeoutError."""
        async with asyncio.timeout(CALL_SECONDS):
            while not await self._is_alive():  # noqa: ASYNC110 - the condition is in another pod
                await asyncio.sleep(PAUSE_SECONDS)

    async def call_until_stopped(self) -> None:
        """Call repeatedly in each mode, one call at a time."""
        await asyncio.gather(*(self._repeat(call) for call in (self._run, self._stream, self._queue)))

    async def result(self) -> dict[str, Any]:
        """Return the result, once every queued run has ended."""
        deadline = time.monotonic() + END_SECONDS
        ends = Counter([await self._end_of(job_id, deadline) for job_id in self._job_ids])
        return {"calls": self._calls, "failed": self._failed, "jobs": dict(ends)}

    async def clean_up(self) -> None:
        """Delete the workflow, and revoke the key."""
        if self._workflow:
            (await self._send("DELETE", self._workflow)).raise_for_status()
        keys = (await self._send("GET", self._workspace)).raise_for_status().json()["keys"]
        for key in keys:
            if key["displayKey"] == mask_key(self._api_key):
                await self._send("DELETE", f"{self._workspace}/{key['id']}")

    async def _repeat(self, call: Callable[[], Awaitable[str]]) -> None:
        while not STOP.exists():
            self._calls += 1
            try:
                problem = await call()
            except (httpx2.HTTPError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            if problem:
                self._failed.append(f"{call.__name__.strip('_')}: {problem}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _is_alive(self) -> bool:
        try:
            return (await self._send("GET", "/healthz")).is_success
        except httpx2.HTTPError:
            return False

    async def _run(self) -> str:
        answer = await self._send("POST", f"{self._workflow}/execute", INPUT)
        return "" if answer.is_success and "42" in answer.text else f"{answer.status_code} {answer.text[:300]}"

    async def _stream(self) -> str:
        answer = await self._send(
            "POST", f"{self._workflow}/execute", {**INPUT, "stream": True, "selectedOutputs": ["agent_1.content"]}
        )
        return (
            ""
            if answer.is_success and answer.text.rstrip().endswith('"[DONE]"')
            else f"{answer.status_code} {answer.text[-300:]}"
        )

    async def _queue(self) -> str:
        answer = await self._send("POST", f"{self._workflow}/execute", INPUT, {"x-execution-mode": "async"})
        if not answer.is_success:
            return f"{answer.status_code} {answer.text[:300]}"
        self._job_ids.append(answer.json()["jobId"])
        return ""

    async def _end_of(self, job_id: str, deadline: float) -> str:
        while True:
            answer = await self._send("GET", f"/api/jobs/{job_id}")
            status = str(answer.json()["status"]) if answer.is_success else f"HTTP {answer.status_code}"
            if status in {"completed", "failed"} or time.monotonic() > deadline:
                return status
            await asyncio.sleep(PAUSE_SECONDS)

    async def _send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        known = {"x-api-key": self._api_key, **(headers or {})}
        async with httpx2.AsyncClient(base_url=self._url, headers=known, timeout=CALL_SECONDS) as http:
            return await http.request(method, path, json=body)


async def main(workflow: dict[str, Any]) -> None:
    """Print the result."""
    key = await make_first_key(GatewaySettings(mongodb_uri=os.environ["FLOWPORT_MONGODB_URI_GATEWAY"]))
    caller = Caller(os.environ["FLOWPORT_URL"], key.api_key, key.workspace_id)
    await caller.await_gateway()
    try:
        await caller.publish(workflow)
        sys.stdout.write("calling\n")
        sys.stdout.flush()
        await caller.call_until_stopped()
        result = await caller.result()
    finally:
        await caller.clean_up()
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
