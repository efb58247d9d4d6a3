"""Two gateways, one broker, one store, one deploy-service: a change through one takes effect in the other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.deploy import running, settings_for, state
from tests.support.eventually import eventually
from tests.support.gateway.jobs import FakeJobs, a_view
from tests.support.gateway.worker import FakeWorker
from tests.support.measured import Tell
from tests.support.tickets import TICKET_KEY

from deploy_service.bootstrap import build as build_deploy
from gateway.app import build as build_gateway
from gateway.first_start import FirstKey
from gateway.outside import Outside
from gateway.settings import GatewaySettings
from shared.broker.connect import open_broker
from shared.broker.ports import Delivery, Settlement
from shared.broker.queue_topology import RECORDS
from shared.clients.deploy.publications import HttpAgentClient, HttpChatClient, HttpToolServerClient
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts.messages import RecordBatch
from shared.contracts.runs import RunStatus
from shared.ids import public_run_id
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens


@dataclass
class Pair:
    """Two gateways and the worker behind them."""

    clients: tuple[httpx2.AsyncClient, httpx2.AsyncClient]
    worker: FakeWorker
    jobs: FakeJobs
    workspace_id: str
    key: str

    async def send(self, number: int, method: str, path: str, body: Any = None, *, key: str = "") -> httpx2.Response:
        headers = {"x-api-key": key or self.key}
        return await self.clients[number].request(method, path, json=body, headers=headers)

    async def deployed(self, *codes: str) -> str:
        """Create a workflow with a version for each code."""
        made = await self.send(0, "POST", "/api/workflows", {"name": "W"})
        workflow_id = str(made.json()["id"])
        for code in codes:
            await self.send(0, "PUT", f"/api/workflows/{workflow_id}/state", state(code))
            assert (await self.send(0, "POST", f"/api/workflows/{workflow_id}/deploy")).status_code == 200
        return workflow_id


@pytest.fixture
async def pair(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Pair]:
    deploy_settings = settings_for(mongodb_uri, mongodb_prefix)
    amqp_url, first_keys = deploy_settings.amqp_url, list[FirstKey]()
    async with AsyncExitStack() as stack:
        deploy = await stack.enter_async_context(running(build_deploy(deploy_settings)))
        others = open_broker(amqp_url, service="executor-service")
        await others.start()
        stack.push_async_callback(others.stop)
        worker = FakeWorker(others)
        await worker.start()
        jobs = FakeJobs()
        await others.work.consume(RECORDS, partial(_record, jobs), prefetch=1)
        clients = []
        for _ in range(2):
            client = InternalClient(
                "http://deploy",
                caller=ServiceName.GATEWAY,
                tokens=ServiceTokens.of(deploy_settings),
                timeout=120,
                transport=httpx2.ASGITransport(deploy, raise_app_exceptions=False),
            )
            stack.push_async_callback(client.stop)
            settings = GatewaySettings(
                mongodb_uri=mongodb_uri,
                mongodb_prefix=mongodb_prefix,
                amqp_url=amqp_url,
                default_plan="benchmark",
                admin_password="correct horse",
                ticket_keys=TICKET_KEY,
            )
            outside = Outside(
                settings,
                deploy=HttpDeployClient(client),
                chats=HttpChatClient(client),
                agents=HttpAgentClient(client),
                tool_servers=HttpToolServerClient(client),
                jobs=jobs,
            )
            app = build_gateway(settings, outside=outside, on_first_key=first_keys.append)
            clients.append(await stack.enter_async_context(_door(await stack.enter_async_context(running(app)))))
        yield Pair((clients[0], clients[1]), worker, jobs, first_keys[0].workspace_id, first_keys[0].api_key)


async def _record(jobs: FakeJobs, delivery: Delivery) -> Settlement:
    """Store the reports of runs, so that later requests find them, as jobs-service does."""
    assert isinstance(delivery.message, RecordBatch)
    for record in delivery.message.records:
        run, snapshot = public_run_id(record.run.run_id), record.run.snapshot
        jobs.views[run] = a_view(
            RunStatus.PROCESSING, run_id=run, workflow_id=snapshot.workflow_id, workspace_id=snapshot.workspace_id
        )
    return Settlement.ACK


def _door(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway", timeout=30)


async def test_a_promote_through_one_is_obeyed_by_the_other(pair: Pair, measured: Tell) -> None:
    workflow_id = await pair.deployed("return 1", "return 2")
    path = f"/api/workflows/{workflow_id}/execute"
    await pair.send(1, "POST", path, {})
    began = time.monotonic()
    change = asyncio.create_task(
        pair.send(0, "PATCH", f"/api/workflows/{workflow_id}/deployments/1", {"isActive": True})
    )
    obeyed = None
    while not change.done():
        await pair.send(1, "POST", path, {})
        if obeyed is None and pair.worker.runs[-1].snapshot.version == 1:
            obeyed = time.monotonic() - began
    assert (await change).status_code == 200
    await pair.send(1, "POST", path, {})
    assert pair.worker.runs[-1].snapshot.version == 1, "after a promote, no run uses the earlier version"
    if obeyed is not None:
        measured(f"promote obeyed by the other gateway after {obeyed * 1000:.1f} ms")


async def test_a_key_revoked_through_one_is_refused_by_the_other(pair: Pair, measured: Tell) -> None:
    workflow_id = await pair.deployed("return 1")
    keys, path = f"/api/workspaces/{pair.workspace_id}/api-keys", f"/api/workflows/{workflow_id}/execute"
    made = (await pair.send(0, "POST", keys, {"name": "ci"})).json()["key"]
    assert (await pair.send(1, "POST", path, {}, key=made["key"])).status_code == 200
    began = time.monotonic()
    change = asyncio.create_task(pair.send(0, "DELETE", f"{keys}/{made['id']}"))
    refused = None
    while not change.done():
        answer = await pair.send(1, "POST", path, {}, key=made["key"])
        if refused is None and answer.status_code == 401:
            refused = time.monotonic() - began
    assert (await change).status_code == 200
    assert (await pair.send(1, "POST", path, {}, key=made["key"])).status_code == 401
    if refused is not None:
        measured(f"revoked key refused by the other gateway after {refused * 1000:.1f} ms")


async def test_signing_out_at_one_gateway_signs_out_at_the_other(pair: Pair) -> None:
    body = {"email": "admin@flowport.local", "password": "correct horse"}
    signed_in = await pair.clients[0].post("/api/auth/sign-in/email", json=body)
    assert signed_in.status_code == 200
    cookie = {"cookie": f"flowport_session={signed_in.cookies['flowport_session']}"}
    assert (await pair.clients[1].get("/api/auth/get-session", headers=cookie)).json() is not None
    pair.clients[0].cookies.clear()
    await pair.clients[0].post("/api/auth/sign-out", headers=cookie)
    pair.clients[1].cookies.clear()
    assert (await pair.clients[1].get("/api/auth/get-session", headers=cookie)).json() is None


async def test_a_run_awaited_at_one_gateway_and_not_yet_recorded_is_cancelled_through_the_other(
    pair: Pair,
) -> None:
    workflow_id = await pair.deployed("return 1")
    pair.worker.script = lambda run: []
    path = f"/api/workflows/{workflow_id}"
    headers = {"x-api-key": pair.key, "x-execution-id": "mine"}
    call = asyncio.create_task(pair.clients[0].post(f"{path}/execute", json={}, headers=headers))
    await eventually(lambda: pair.worker.runs)
    cancelled = await pair.send(1, "POST", f"{path}/executions/mine/cancel")
    strange = await pair.send(1, "POST", f"{path}/executions/nobodys/cancel")
    call.cancel()

    assert (cancelled.status_code, cancelled.json()["reason"]) == (200, "recorded")
    assert (strange.status_code, strange.json()) == (404, {"error": "Execution not found"})
    assert pair.jobs.cancels == ["mine"]
    assert list(pair.jobs.views) == ["mine"]


async def test_a_key_change_through_one_gateway_is_not_reverted_through_the_other(pair: Pair) -> None:
    keys = f"/api/workspaces/{pair.workspace_id}/api-keys"

    async def both(name: str) -> tuple[str, int | None]:
        made = (await pair.send(0, "POST", keys, {"name": f"{name} before"})).json()["key"]
        path = f"{keys}/{made['id']}"
        await asyncio.gather(pair.send(0, "PUT", path, {"name": name}), pair.send(1, "PUT", path, {"rateLimit": 7}))
        rows = (await pair.send(0, "GET", keys)).json()["keys"]
        (row,) = (each for each in rows if each["id"] == made["id"])
        return row["name"], row["rateLimit"]

    names = [f"key {n}" for n in range(10)]
    assert await asyncio.gather(*map(both, names)) == [(name, 7) for name in names]


async def test_a_key_rotated_through_both_gateways_is_replaced_once(
    pair: Pair,
) -> None:
    keys, path = f"/api/workspaces/{pair.workspace_id}/api-keys", f"/api/workflows/{await pair.deployed('return 1')}"

    async def twice(n: int) -> None:
        made = (await pair.send(0, "POST", keys, {"name": f"key {n}"})).json()["key"]
        rotate = f"{keys}/{made['id']}/rotate"
        overlaps = (600, 0)
        answers = await asyncio.gather(
            *(pair.send(number, "POST", rotate, {"overlapSeconds": overlap}) for number, overlap in enumerate(overlaps))
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 400], [200, 404])
        overlap = next(overlap for overlap, answer in zip(overlaps, answers, strict=True) if answer.is_success)
        old = await pair.send(1, "POST", f"{path}/execute", {}, key=made["key"])
        assert old.status_code == (200 if overlap else 401)

    await asyncio.gather(*map(twice, range(10)))


async def test_a_chat_that_is_closed_through_one_is_not_opened_again_by_a_change_through_the_other(pair: Pair) -> None:
    workflow_id = await pair.deployed("return 1")
    body = {"workflowId": workflow_id, "identifier": f"chat-{workflow_id[:8]}", "title": "T", "authType": "public"}
    chat = f"/api/chat/manage/{(await pair.send(0, 'POST', '/api/chat', body)).json()['id']}"
    await _changed_at_once(pair, chat, "isActive", "title")


async def test_a_hidden_agent_stays_hidden(pair: Pair) -> None:
    workflow_id = await pair.deployed("return 1")
    made = await pair.send(0, "POST", "/api/a2a/agents", {"workflowId": workflow_id})
    await _changed_at_once(pair, f"/api/a2a/agents/{made.json()['id']}", "isPublished", "name")


async def test_concurrent_changes_of_a_tool_server_are_both_applied(pair: Pair) -> None:
    made = (await pair.send(0, "POST", "/api/mcp/workflow-servers", {"name": "Desk"})).json()["data"]["server"]
    await _changed_at_once(pair, f"/api/mcp/workflow-servers/{made['id']}", "isPublic", "name", "data", "server")


async def _changed_at_once(pair: Pair, path: str, switch: str, text: str, *within: str) -> None:
    for n in range(5):
        wanted = {switch: n % 2 == 1, text: f"Name {n}"}
        one, other = ({name: value} for name, value in wanted.items())
        both = await asyncio.gather(pair.send(0, "PATCH", path, one), pair.send(1, "PATCH", path, other))
        assert [answer.status_code for answer in both] == [200, 200]
        found = (await pair.send(0, "GET", path)).json()
        for key in within:
            found = found[key]
        assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.full)])
async def test_many_deploys_and_promotes_while_it_is_called(pair: Pair, count: int) -> None:
    workflow_id = await pair.deployed("return 1", "return 2")
    versions = f"/api/workflows/{workflow_id}/deployments"
    call = f"/api/workflows/{workflow_id}/execute"
    known = (await pair.send(0, "GET", versions)).json()["versions"]
    assert [row["version"] for row in known] == [2, 1]
    statuses: list[int] = []
    is_over = asyncio.Event()

    async def calling(gateway: int) -> None:
        while not is_over.is_set():
            statuses.append((await pair.send(gateway, "POST", call, {})).status_code)
            await asyncio.sleep(0.01)

    async def retry_until_accepted(gateway: int, method: str, path: str, body: Any = None) -> int:
        """Retry as `Retry-After` says: a change that timed out in the queue has changed nothing."""
        for _ in range(20):
            answer = await pair.send(gateway, method, path, body)
            if answer.status_code != 503 or not answer.headers.get("retry-after"):
                break
        return answer.status_code

    async def change(number: int) -> int:
        gateway = number % 2
        if number % 4 < 2:
            return await retry_until_accepted(gateway, "POST", f"/api/workflows/{workflow_id}/deploy")
        return await retry_until_accepted(gateway, "PATCH", f"{versions}/{1 + number % 2}", {"isActive": True})

    callers = [asyncio.create_task(calling(gateway)) for gateway in (0, 1)]
    changed = await asyncio.gather(*map(change, range(count)))
    is_over.set()
    await asyncio.gather(*callers)
    assert set(changed) == {200}
    assert set(statuses) == {200}, "never a moment without a live version"
    assert len(statuses) > 20
    numbers = [row["version"] for row in (await pair.send(0, "GET", versions)).json()["versions"]]
    assert numbers == list(range(count // 2 + 2, 0, -1))
    hashes = {run.snapshot.version: run.snapshot.snapshot_hash for run in pair.worker.runs}
    assert len(set(hashes.values())) <= 2, "every call ran one of the two states"
