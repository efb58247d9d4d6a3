"""With executor-service's token, an attacker can read what the current tickets cover, and nothing of other runs."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
import pytest
from fastapi import FastAPI
from tests.support.captured_executor import REFUSED, Answer, Captured
from tests.support.deploy import DeployCaller, running, settings_for, state
from tests.support.tickets import a_ticket, ring, ticket_key

from deploy_service.bootstrap import build
from shared.contracts.deployments import Endpoint, SetEnvironmentValue
from shared.contracts.tickets import TICKET_HEADER, RunTicket
from shared.service import ServiceName

SECRETS = {"OWN": "ws's", "OTHER": "not named"}
CALLS = {"id": "call", "type": "workflow", "name": "Call", "position": {"x": 0, "y": 0}, "enabled": True}


def caller_of(workflow_id: str) -> dict[str, Any]:
    """Return a workflow that calls another."""
    document = state("return {{OWN}}")
    called = {"workflowId": {"id": "workflowId", "type": "workflow-selector", "value": workflow_id}}
    document["blocks"]["call"] = {**CALLS, "subBlocks": called}
    document["edges"].append({"id": "e2", "source": "fn", "target": "call"})
    return document


@dataclass
class Deploy:
    """deploy-service with two workspaces of secrets, and two workflows of the first."""

    captured: Captured
    gateway: DeployCaller
    live: Endpoint

    def ticket(self, **claims: Any) -> RunTicket:
        """Return the ticket of a run of the live version."""
        known = {"workflow_id": self.live.workflow_id, "snapshot_hash": self.live.snapshot_hash}
        return a_ticket(**(known | claims))

    async def environment(self, ticket: RunTicket | str = "", path: str = "ws") -> Answer:
        """Request environment values."""
        return await self.captured.send("GET", f"/internal/environment/{path}", ticket)


@asynccontextmanager
async def deploy_service(uri: str, prefix: str, **changes: Any) -> AsyncIterator[Deploy]:
    settings = settings_for(uri, prefix, **({"run_tickets": "require"} | changes))
    async with AsyncExitStack() as stack:
        app: FastAPI = await stack.enter_async_context(running(build(settings)))
        gateway = DeployCaller(app, settings, ServiceName.GATEWAY)
        stack.push_async_callback(gateway.http.stop)
        transport = httpx2.ASGITransport(app)
        http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://deploy"))
        places = {"ws": SECRETS, "victim": {"OWN": "victim's"}, "user:ann": {"MINE": "ann's"}}
        for place, values in places.items():
            for name, value in values.items():
                path = f"/internal/environment/{place}/names/{name}"
                await gateway.http.call("PUT", path, body=SetEnvironmentValue(value, "member-1"))
        workflow = await gateway.create(state("return [{{OWN}}, {{MINE}}]"))
        live = (await gateway.deploy(workflow.id)).endpoint
        yield Deploy(Captured(http), gateway, live)


@pytest.fixture
async def deploy(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Deploy]:
    async with deploy_service(mongodb_uri, mongodb_prefix) as deploy:
        yield deploy


def altered(ticket: str) -> str:
    """Return the ticket with another workspace, under its original signature."""
    key_id, claims, signature = ticket.split(".")
    text = urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).replace(b'"ws"', b'"victim"')
    return f"{key_id}.{urlsafe_b64encode(text).rstrip(b'=').decode()}.{signature}"


BAD: dict[str, Callable[[RunTicket], str]] = {
    "missing": lambda _: "",
    "nonsense": lambda _: "nonsense",
    "unsigned": lambda ticket: ring().sign(ticket).rpartition(".")[0] + ".",
    "altered": lambda ticket: altered(ring().sign(ticket)),
    "another key of that name": lambda ticket: ring(f"tickets:{ticket_key('x').partition(':')[2]}").sign(ticket),
    "unknown key": lambda ticket: ring(ticket_key("attacker")).sign(ticket),
    "expired": lambda ticket: ring().sign(msgspec.structs.replace(ticket, expires_at=int(time.time()) - 1)),
    "not ASCII": lambda ticket: ring().sign(ticket)[:-1] + "é",
}


@pytest.mark.parametrize("bad", BAD)
async def test_no_value_is_read_without_a_valid_ticket(deploy: Deploy, bad: str) -> None:
    shown = BAD[bad](deploy.ticket())
    headers = [(b"authorization", b"Bearer executor-token"), (TICKET_HEADER.encode(), shown.encode("latin-1"))]
    for path in ("/internal/environment/ws", "/internal/environment/victim"):
        answer = await deploy.captured.http.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == REFUSED


async def test_a_ticket_opens_the_names_of_its_snapshot_for_its_person(deploy: Deploy) -> None:
    assert await deploy.environment(deploy.ticket()) == (200, {"values": {"OWN": "ws's"}})
    ann = deploy.ticket(user_id="ann")
    assert await deploy.environment(ann, "ws?user_id=ann") == (200, {"values": {"OWN": "ws's", "MINE": "ann's"}})


async def test_a_name_that_the_snapshot_does_not_reference_is_not_read(deploy: Deploy) -> None:
    assert await deploy.environment(deploy.ticket(), "ws?names=OTHER,OWN") == (200, {"values": {"OWN": "ws's"}})


async def test_a_ticket_is_for_one_workspace(deploy: Deploy) -> None:
    assert await deploy.environment(deploy.ticket(), "victim") == REFUSED
    assert await deploy.environment(deploy.ticket(workspace_id="victim"), "ws") == REFUSED


async def test_other_peoples_personal_values_are_not_readable(deploy: Deploy) -> None:
    assert await deploy.environment(deploy.ticket(), "ws?user_id=ann") == REFUSED
    assert await deploy.environment(deploy.ticket(user_id="bob"), "ws?user_id=ann") == REFUSED


async def test_another_snapshot_needs_another_ticket(deploy: Deploy) -> None:
    other = await deploy.gateway.create(state("return {{OTHER}}"))
    found = (await deploy.gateway.deploy(other.id)).endpoint.snapshot_hash
    path = f"/internal/snapshots/ws/{found}"
    assert await deploy.captured.send("GET", path, deploy.ticket()) == REFUSED
    status, _ = await deploy.captured.send("GET", path, deploy.ticket(snapshot_hash=found))
    assert status == 200


async def test_code_that_reads_the_whole_environment_is_given_it(deploy: Deploy) -> None:
    workflow = await deploy.gateway.create(state("return environmentVariables"))
    found = (await deploy.gateway.deploy(workflow.id)).endpoint.snapshot_hash
    assert await deploy.environment(deploy.ticket(snapshot_hash=found)) == (200, {"values": SECRETS})


async def test_a_run_gets_a_ticket_for_a_workflow_that_its_snapshot_calls_and_for_no_other(deploy: Deploy) -> None:
    child, stranger = [await deploy.gateway.create(state(code)) for code in ("return {{OTHER}}", "return 0")]
    endpoint = (await deploy.gateway.deploy(child.id)).endpoint
    await deploy.gateway.deploy(stranger.id)
    parent = await deploy.gateway.create(caller_of(child.id))
    ticket = deploy.ticket(snapshot_hash=(await deploy.gateway.deploy(parent.id)).endpoint.snapshot_hash)

    def ask(workflow_id: str, more: str = "") -> str:
        return f"/internal/workflows/{workflow_id}/endpoint?workspace_id=ws{more}"

    status, found = await deploy.captured.send("GET", ask(child.id), ticket)
    assert status == 200
    claims = ring().verify(found["ticket"])
    assert claims == msgspec.structs.replace(
        ticket, workflow_id=child.id, snapshot_hash=endpoint.snapshot_hash, run_workflow_id=ticket.workflow_id
    )
    assert await deploy.environment(claims) == (200, {"values": {"OTHER": "not named"}})
    assert await deploy.captured.send("GET", ask(stranger.id), ticket) == REFUSED
    assert await deploy.captured.send("GET", ask(child.id), deploy.ticket()) == REFUSED
    assert (
        await deploy.captured.send("GET", ask(child.id), msgspec.structs.replace(ticket, workspace_id="x")) == REFUSED
    )
    assert await deploy.captured.send("GET", f"/internal/workflows/{child.id}/endpoint", ticket) == REFUSED
    pinned = f"&snapshot_hash={deploy.live.snapshot_hash}"
    assert await deploy.captured.send("GET", ask(child.id, pinned), ticket) == (404, "NOT_FOUND")


async def test_an_earlier_version_that_was_called_is_found_after_another_went_live(deploy: Deploy) -> None:
    child = await deploy.gateway.create(state("return 1"))
    first = (await deploy.gateway.deploy(child.id)).endpoint.snapshot_hash
    await deploy.gateway.save(child.id, state("return 2"))
    await deploy.gateway.deploy(child.id)
    parent = await deploy.gateway.create(caller_of("<start.chosen>"))
    ticket = deploy.ticket(snapshot_hash=(await deploy.gateway.deploy(parent.id)).endpoint.snapshot_hash)
    path = f"/internal/workflows/{child.id}/endpoint?workspace_id=ws&snapshot_hash={first}"
    _, found = await deploy.captured.send("GET", path, ticket)
    assert ring().verify(found["ticket"]).snapshot_hash == first


async def test_while_upgrading_calls_without_a_ticket_are_accepted_and_wrong_tickets_are_not(
    mongodb_uri: str, mongodb_prefix: str
) -> None:
    async with deploy_service(mongodb_uri, mongodb_prefix, run_tickets="accept-missing") as deploy:
        assert await deploy.environment("", "ws?names=OTHER") == (200, {"values": {"OTHER": "not named"}})
        for bad, make in BAD.items():
            if bad not in ("missing", "not ASCII"):
                assert await deploy.environment(make(deploy.ticket())) == REFUSED, bad


async def test_keys_rotate_without_refusing_a_ticket(mongodb_uri: str, mongodb_prefix: str) -> None:
    old, new = ticket_key("old"), ticket_key("new")
    steps = ((old, old), (f"{old},{new}", old), (f"{old},{new}", f"{new},{old}"), (f"{new},{old}", new), (new, new))
    for number, (verifying, signing) in enumerate(steps):
        async with deploy_service(mongodb_uri, f"{mongodb_prefix}{number}", ticket_keys=verifying) as deploy:
            status, _ = await deploy.environment(ring(signing).sign(deploy.ticket()))
            assert status == 200, (verifying, signing)
