"""The cases on the whole system: deployed through the internal API, run through the public one."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Set
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
from tests.conformance.cases import Case
from tests.conformance.system import CANCEL_SECONDS, Observed, order_of
from tests.support.public_api import PublicApi

from shared.contracts.deployments import CreateWorkflow, Deploy, Deployed, SaveDraft, SetEnvironmentValue, Workflow
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunStatus
from shared.errors import NotFound
from shared.ids import new_id
from shared.web.client import InternalClient

CANCELLED = "cancel"
SELF, RUN, SNAPSHOT = "wf-1", "exec-1", "snap-1"
"""The observed system's ids of the workflow, the run and a child's snapshot."""
ACTOR = "conformance"
RECORD_SECONDS = 30.0
POLL_SECONDS = 0.01
ADDRESSES = {"example.com": "93.184.216.34"}
"""Public names that the cases mention but never call: this machine may be unable to resolve them."""
SUCCEEDED = frozenset({RunStatus.COMPLETED, RunStatus.PAUSED})
SETTLED = SUCCEEDED | {RunStatus.FAILED, RunStatus.CANCELLED}
State = dict[str, Any]


class StackSystem:
    """Four processes and a broker. `deploy` and `jobs` are internal APIs, called with the gateway's token."""

    def __init__(self, api: PublicApi, deploy: InternalClient, jobs: InternalClient) -> None:
        self._door = api
        self._deploy = deploy
        self._jobs = jobs

    async def run(self, case: Case, model_url: str) -> Observed:
        """Run the case to its end, like a sync caller. Its models must be served at the stack's configured address."""
        response, record, names = await self._run(case, {})
        body = json.loads(_renamed(response.text or '""', names))
        return _observed(response, body, record, _expected_headers(case, response))

    async def queue(self, case: Case) -> Observed:
        """Queue the case, and read its stored record: a durable run, with a journal."""
        response, record, names = await self._run(case, {"X-Execution-Mode": "async"})
        assert response.status_code == 202, response.text
        output = "{}" if record.output is None else bytes(record.output.inline).decode()
        return Observed(
            success=record.status in SUCCEEDED,
            status=str(record.status),
            output=json.loads(_renamed(output, names)),
            error=None if record.error is None else record.error.text,
            block_order=order_of(record.blocks),
        )

    async def _run(self, case: Case, headers: Mapping[str, str]) -> tuple[httpx2.Response, RunView, Mapping[str, str]]:
        """Return the answer and the record, with the ids of the observed system."""
        run_id = new_id()
        async with self._environment(case.environment), self._published(case) as (workflow_id, names):
            response = await self._called(workflow_id, case, {"X-Execution-Id": run_id, **headers})
            record = await self._record(run_id, SETTLED)
        return response, record, {**names, workflow_id: SELF, run_id: RUN}

    async def _called(self, workflow_id: str, case: Case, headers: Mapping[str, str]) -> httpx2.Response:
        run = asyncio.create_task(self._door.run(workflow_id, case.request, headers=headers))
        if case.area == CANCELLED:
            run_id = headers["X-Execution-Id"]
            await self._record(run_id, {RunStatus.PROCESSING})
            await asyncio.sleep(CANCEL_SECONDS)
            path = f"/api/workflows/{workflow_id}/executions/{run_id}/cancel"
            (await self._door.http.post(path)).raise_for_status()
        return await run

    async def _record(self, run_id: str, wanted: Set[RunStatus]) -> RunView:
        """Return the record of the run, once it has one of these states."""
        path = f"/internal/runs/{run_id}?blocks=true"
        async with asyncio.timeout(RECORD_SECONDS):
            while True:
                with suppress(NotFound):
                    record = await self._jobs.call("GET", path, returns=RunView)
                    if record.status in wanted:
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
        """Yield the workflow's id, and the observed ids of its children and their snapshots."""
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
        """Deploy a state without validation; return the snapshot's hash."""
        path, query = f"/internal/workflows/{workflow_id}", f"workspace_id={self._door.workspace_id}"
        await self._deploy.call("PUT", f"{path}/draft?{query}", body=SaveDraft(state=state))
        order = Deploy(actor_id=ACTOR, actor_name=ACTOR)
        deployed = await self._deploy.call("POST", f"{path}/deploy-unchecked?{query}", body=order, returns=Deployed)
        return deployed.version.snapshot_hash


def _observed(response: httpx2.Response, body: Any, record: RunView, headers: Mapping[str, str]) -> Observed:
    is_ours = isinstance(body, dict) and {"success", "output", "metadata"} <= body.keys()
    if not is_ours:  # a Response block determines the whole answer
        body = {"success": True, "output": {"data": body, "status": response.status_code, "headers": headers}}
    return Observed(
        success=body["success"],
        status=str(record.status),
        output=body["output"],
        error=body.get("error"),
        block_order=order_of(record.blocks),
    )


def _expected_headers(case: Case, response: httpx2.Response) -> dict[str, str]:
    """Return the headers of a Response block: the answer also has the gateway's own."""
    output = case.expected.output
    expected = output.get("headers") if isinstance(output, dict) else None
    return {name: response.headers[name] for name in expected or () if name in response.headers}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for name, other in names.items():
        text = text.replace(name, other)
    return text
