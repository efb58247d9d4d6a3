"""The public door, as the command line uses it."""

from types import TracebackType
from typing import Any, Final, Self

import httpx

from flowport.failures import CommandFailed

TIMEOUT_SECONDS: Final = 30.0


class Refused(CommandFailed):
    """The server answered, and it was no."""


class PublicApi:
    """Calls `base_url` with `api_key`."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url, headers={"x-api-key": api_key}, timeout=TIMEOUT_SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def opens(self, workspace_id: str) -> bool:
        """Whether the key is good for this workspace."""
        answer = await self._http.get("/api/v1/workflows", params={"workspaceId": workspace_id, "limit": 1})
        return answer.is_success

    async def workflows(self, workspace_id: str) -> list[dict[str, Any]]:
        """Every workflow of the workspace. Raises Refused."""
        found: list[dict[str, Any]] = []
        query = {"workspaceId": workspace_id, "limit": "100"}
        while True:
            page = await self._call("GET", "/api/v1/workflows", params=query)
            found += page["data"]
            if not page.get("nextCursor"):
                return found
            query["cursor"] = page["nextCursor"]

    async def import_workflow(self, workspace_id: str, workflow: Any) -> str:
        """Create a workflow from a file's content; returns its id. Raises Refused."""
        body = {"workspaceId": workspace_id, "workflow": workflow}
        answer = await self._call("POST", "/api/v1/workflows/import", json=body)
        return str(answer["data"]["id"])

    async def deploy(self, workflow_id: str) -> None:
        """Publish the draft as a new version and make it live. Raises Refused."""
        await self._call("POST", f"/api/v1/workflows/{workflow_id}/deploy")

    async def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        answer = await self._http.request(method, path, **content)
        if not answer.is_success:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
        found: dict[str, Any] = answer.json()
        return found
