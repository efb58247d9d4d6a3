"""The cases on the whole system: deployed through the internal door, run through the public one."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
from tests.conformance.cases import Case
from tests.conformance.system import CANCEL_SECONDS, Observed, order_of
from tests.support.public_door import PublicDoor

from shared.contracts.deployments import CreateWorkflow, Deploy, Deployed, SaveDraft, SetEnvironmentValue, Workflow
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunStatus
from shared.errors import NotFound
from shared.web.client import InternalClient

CANCELLED = "cancel"
SELF, RUN, SNAPSHOT = "wf-1", "exec-1", "snap-1"
"""What the observed system called the workflow, the run and a child's snapshot."""
ACTOR = "conformance"
RECORD_SECONDS = 10.0
POLL_SECONDS = 0.01
OUR_HEADERS = re.compile(r"date|server|vary|content-(?!type).*|access-.*|x-(execution|request)-id|x-content-type-.*")
ADDRESSES = {"example.com": "93.184.216.34"}
"""Public names that the cases mention and nobody calls: here nobody need be able to resolve them either."""
SETTLED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.PAUSED})
State = dict[str, Any]


class StackSystem:
    """Four processes and a broker. `deploy` and `jobs` are their internal doors, called with the gateway's token."""

    def __init__(self, door: PublicDoor, deploy: InternalClient, jobs: InternalClient) -> None:
        self._door = door
        self._deploy = deploy
        self._jobs = jobs

    async def run(self, case: Case, model_url: str) -> Observed:
        """Run the case to its end. Its models must be served where the stack was told."""
        run_id = uuid4().hex
        async with self._environment(case.environment), self._published(case) as (workflow_id, names):
            response = await self._called(workflow_id, run_id, case)
            record = await self._record(run_id)
        body = json.loads(_renamed(response.text or '""', {**names, workflow_id: SELF, run_id: RUN}))
        return _observed(response, body, record)

    async def _called(self, workflow_id: str, run_id: str, case: Case) -> httpx.Response:
        run = asyncio.create_task(self._door.run(workflow_id, case.request, headers={"X-Execution-Id": run_id}))
        if case.area == CANCELLED:
            await asyncio.sleep(CANCEL_SECONDS)
            await self._door.http.post(f"/api/workflows/{workflow_id}/executions/{run_id}/cancel")
        return await run

    async def _record(self, run_id: str) -> RunView:
        """The run as it was recorded, which is soon after the caller has its answer."""
        path = f"/internal/runs/{run_id}?blocks=true&output=false"
        async with asyncio.timeout(RECORD_SECONDS):
            while True:
                with suppress(NotFound):
                    record = await self._jobs.call("GET", path, returns=RunView)
                    if record.status in SETTLED:
                        return record
                await asyncio.sleep(POLL_SECONDS)

    @asynccontextmanager
    async def _environment(self, values: Mapping[str, str]) -> AsyncIterator[None]:
        names = f"/internal/environment/{self._door.workspace_id}/names"
        for name, value in values.items():
            await self._deploy.call("PUT", f"{names}/{name}", body=SetEnvironmentValue(value, ACTOR))
        yield
        for name in values:
            await self._deploy.call("DELETE", f"{names}/{name}")

    @asynccontextmanager
    async def _published(self, case: Case) -> AsyncIterator[tuple[str, dict[str, str]]]:
        """The workflow's id, and what its children and their snapshots were called where it was observed."""
        stubs = case.stubs.get("childWorkflows", {})
        ids = {word: await self._create(stub["name"]) for word, stub in stubs.items()}
        names = {workflow_id: word for word, workflow_id in ids.items()}
        for word, stub in stubs.items():
            names[await self._publish(ids[word], json.loads(_renamed(json.dumps(stub["state"]), ids)))] = SNAPSHOT
        workflow_id = await self._create(case.id)
        await self._publish(workflow_id, json.loads(_renamed(json.dumps(case.workflow), {**ids, **ADDRESSES})))
        yield workflow_id, names

    async def _create(self, name: str) -> str:
        body = CreateWorkflow(workspace_id=self._door.workspace_id, name=name)
        return (await self._deploy.call("POST", "/internal/workflows", body=body, returns=Workflow)).id

    async def _publish(self, workflow_id: str, state: State) -> str:
        """Deploy a state without a check; gives the snapshot's hash."""
        path, query = f"/internal/workflows/{workflow_id}", f"workspace_id={self._door.workspace_id}"
        await self._deploy.call("PUT", f"{path}/draft?{query}", body=SaveDraft(state=state))
        order = Deploy(actor_id=ACTOR, actor_name=ACTOR)
        deployed = await self._deploy.call("POST", f"{path}/deploy-unchecked?{query}", body=order, returns=Deployed)
        return deployed.version.snapshot_hash


def _observed(response: httpx.Response, body: Any, record: RunView) -> Observed:
    is_ours = isinstance(body, dict) and {"success", "output", "metadata"} <= body.keys()
    if not is_ours:  # a Response block speaks for itself
        headers = {name.title(): value for name, value in response.headers.items() if not OUR_HEADERS.fullmatch(name)}
        body = {"success": True, "output": {"data": body, "status": response.status_code, "headers": headers}}
    return Observed(
        success=body["success"],
        status=str(record.status),
        output=body["output"],
        error=body.get("error"),
        block_order=order_of(record.blocks),
    )


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for name, other in names.items():
        text = text.replace(name, other)
    return text
