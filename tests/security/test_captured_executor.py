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
from tests.support.deploy import DeployCaller, running, settings_for, state
from tests.support.jobs.system import (
    WORKSPACE,
    System,
    a_spec,
    an_outcome,
    asks,
    json_payload,
    quick_settings,
    waits,
)
from tests.support.jobs.system import running as jobs_service
from tests.support.tickets import a_ticket, ring, ticket_key

from deploy_service.bootstrap import build
from shared.contracts.claims import ClaimGranted, ClaimRun, FinishRun
from shared.contracts.deployments import Endpoint, SetEnvironmentValue
from shared.contracts.files import FileKey, FileScope
from shared.contracts.jobs import PauseRun
from shared.contracts.runs import RunStatus
from shared.contracts.tickets import TICKET_HEADER, RunTicket
from shared.ids import new_id, public_run_id
from shared.service import ServiceName

REFUSED = (403, "RUN_TICKET_REFUSED")
EXECUTOR = {"authorization": "Bearer executor-token"}
Answer = tuple[int, Any]
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
class Captured:
    """Actions of an attacker in executor-service: any internal call, with any ticket."""

    http: httpx2.AsyncClient

    async def send(self, method: str, path: str, ticket: RunTicket | str = "", body: Any = None) -> Answer:
        """Return status and JSON; of a refusal, its code."""
        shown = ring().sign(ticket) if isinstance(ticket, RunTicket) else ticket
        headers = EXECUTOR | ({TICKET_HEADER: shown} if shown else {})
        content = None if body is None else msgspec.json.encode(body)
        answer = await self.http.request(method, path, headers=headers, content=content)
        if not answer.content:
            return answer.status_code, None
        if answer.is_error:
            return answer.status_code, answer.json()["code"]
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.status_code, answer.json() if is_json else answer.content


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


@pytest.fixture
async def jobs(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[tuple[System, Captured]]:
    settings = quick_settings(mongodb_uri, mongodb_prefix, run_tickets="require")
    async with jobs_service(settings) as system:
        await system.executor.listen()
        async with httpx2.AsyncClient(transport=system.transport, base_url="http://jobs") as http:
            yield system, Captured(http)


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


RUN_ROUTES = (
    ("POST", "lease", {"attempt": 1}),
    ("POST", "journal", {"attempt": 1, "entries": []}),
    ("GET", "journal?attempt=1&index=0&written_by=1", None),
    ("POST", "finish", {"attempt": 1, "outcome": an_outcome()}),
    ("POST", "release", {"attempt": 1}),
)


@pytest.mark.parametrize(("method", "path", "body"), RUN_ROUTES)
async def test_a_run_in_progress_is_reached_with_its_own_ticket_only(
    jobs: tuple[System, Captured], method: str, path: str, body: Any
) -> None:
    system, captured = jobs
    accepted = await system.gateway.accept()
    granted = await system.executor.begin()
    route = f"/internal/runs/{accepted.run_id}/{path}"
    assert await captured.send(method, route, body=body) == REFUSED
    assert await captured.send(method, route, a_ticket(run_id="another"), body) == REFUSED
    assert (await captured.send(method, route, granted.ticket, body))[0] in (200, 204)


async def test_a_claim_hands_out_a_ticket_that_outlasts_the_run(jobs: tuple[System, Captured]) -> None:
    system, _ = jobs
    limit_seconds = 604_800
    spec = a_spec(user_id="ann", time_limit_ms=limit_seconds * 1000)
    await system.gateway.accept(spec)
    before = time.time()
    claims = ring().verify((await system.executor.begin()).ticket)
    place = spec.snapshot
    expected = a_ticket(
        workspace_id=place.workspace_id,
        workflow_id=place.workflow_id,
        snapshot_hash=place.snapshot_hash,
        run_id=spec.run_id,
        user_id="ann",
        expires_at=claims.expires_at,
    )
    assert claims == expected
    assert claims.expires_at > before + limit_seconds


async def test_each_claim_hands_out_a_new_ticket(jobs: tuple[System, Captured]) -> None:
    system, captured = jobs
    accepted = await system.gateway.accept()
    first = await system.executor.begin()
    await captured.send("POST", f"/internal/runs/{accepted.run_id}/release", first.ticket, {"attempt": 1})
    second = await system.executor.begin()
    assert second.attempt == 2
    assert ring().verify(second.ticket).run_id == accepted.run_id


async def test_a_claim_requires_the_dispatch_id_of_a_message_of_the_run(jobs: tuple[System, Captured]) -> None:
    system, captured = jobs
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    path = f"/internal/runs/{accepted.run_id}/claim"
    for guess in ("", "x", new_id()):
        assert await captured.send("POST", path, body=ClaimRun(guess, "captured", redelivered=True)) == (200, {})
    assert (await system.executor.claim(message)) is not None


async def test_the_dispatch_id_of_a_paused_run_no_longer_claims_it(
    jobs: tuple[System, Captured],
) -> None:
    """Otherwise a pause of a second would give a captured executor a fresh ticket, and the next, without end."""
    system, captured = jobs
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    granted = await system.executor.claim(message)
    assert granted is not None
    report = FinishRun(1, an_outcome(RunStatus.PAUSED), pauses=(waits(0.1),))
    route = f"/internal/runs/{accepted.run_id}"
    assert (await captured.send("POST", f"{route}/finish", granted.ticket, report))[0] == 204
    again = await system.executor.next()
    assert again.dispatch_id != message.dispatch_id
    old = ClaimRun(message.dispatch_id, "captured", redelivered=True)
    assert await captured.send("POST", f"{route}/claim", body=old) == (200, {})
    assert (await system.executor.claim(again)) is not None


@pytest.mark.parametrize(
    "limits",
    [
        *({"time_limit_ms": limit_ms} for limit_ms in (-1, 0, 604_800_001, 10**13, 10**18)),
        *({"log_retention_ms": retention_ms} for retention_ms in (-1, 10**13, 10**18)),
    ],
)
async def test_a_paused_run_has_limits_that_a_gateway_can_give(
    jobs: tuple[System, Captured], limits: dict[str, Any]
) -> None:
    _, captured = jobs
    spec = a_spec(**limits)
    report = PauseRun(spec, an_outcome(RunStatus.PAUSED), (waits(0.1),), json_payload(b"{}"))
    path = f"/internal/runs/{spec.run_id}/pause"
    assert await captured.send("POST", path, _ticket_of(spec), report) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("duration_ms", [-1.0, 1e13, 1e18])
async def test_a_paused_run_took_no_longer_than_any_run_may(jobs: tuple[System, Captured], duration_ms: float) -> None:
    _, captured = jobs
    spec = a_spec()
    outcome = msgspec.structs.replace(an_outcome(RunStatus.PAUSED), duration_ms=duration_ms)
    report = PauseRun(spec, outcome, (asks(),), json_payload(b"{}"))
    path = f"/internal/runs/{spec.run_id}/pause"
    assert await captured.send("POST", path, _ticket_of(spec), report) == (400, "INVALID_REQUEST")


async def test_a_pause_does_not_prolong_the_time_limit_beyond_the_ticket(jobs: tuple[System, Captured]) -> None:
    system, captured = jobs
    spec = a_spec(time_limit_ms=604_800_000)
    report = PauseRun(spec, an_outcome(RunStatus.PAUSED), (asks(),), json_payload(b"{}"))
    ticket = msgspec.structs.replace(_ticket_of(spec), expires_at=int(time.time()) + 600)
    assert (await captured.send("POST", f"/internal/runs/{spec.run_id}/pause", ticket, report))[0] == 204
    await system.gateway.resume(spec.run_id)
    assert (await system.executor.begin()).remaining_ms <= 601_000


async def test_a_run_that_goes_on_after_a_pause_has_a_ticket(jobs: tuple[System, Captured]) -> None:
    system, captured = jobs
    spec = a_spec(user_id="ann")
    report = PauseRun(spec, an_outcome(RunStatus.PAUSED), (asks(),), json_payload(b"{}"))
    ticket = _ticket_of(spec)
    assert await captured.send("POST", f"/internal/runs/{spec.run_id}/pause", ticket, report) == (204, None)
    await system.gateway.resume(spec.run_id)
    granted: ClaimGranted = await system.executor.begin()
    assert ring().verify(granted.ticket).user_id == "ann"


@pytest.mark.parametrize("caller", [{"user_id": "bob", "actor_id": "key-2", "caller_name": "Bob's"}, {}])
async def test_the_ticket_of_a_redriven_run_opens_no_values_of_the_first_caller(
    jobs: tuple[System, Captured], caller: dict[str, str]
) -> None:
    """The first caller may no longer be a member. Gateways of earlier versions name no caller."""
    system, captured = jobs
    accepted = await system.gateway.accept(a_spec(user_id="ann", actor_id="key-1", caller_name="Ann's"))
    failed = await system.executor.begin()
    report = FinishRun(failed.attempt, an_outcome(RunStatus.FAILED))
    await captured.send("POST", f"/internal/runs/{accepted.run_id}/finish", failed.ticket, report)
    body = {"workspace_id": WORKSPACE, "concurrency_limit": 5} | caller
    await system.gateway.client.call("POST", f"/internal/runs/{accepted.run_id}/redrive", body=body)
    again = await system.executor.begin()
    assert (again.run.user_id, again.run.actor_id, again.run.caller_name) == (
        caller.get("user_id"),
        caller.get("actor_id"),
        caller.get("caller_name"),
    )
    assert ring().verify(again.ticket).user_id == caller.get("user_id")


@pytest.mark.parametrize("claim", ["workspace_id", "workflow_id", "snapshot_hash", "run_id", "user_id"])
async def test_a_run_that_is_stored_by_a_worker_is_that_of_its_ticket(
    jobs: tuple[System, Captured], claim: str
) -> None:
    """Otherwise a worker could later receive a stored run of any workspace, with a genuine ticket."""
    _, captured = jobs
    spec = a_spec(user_id="ann")
    report = PauseRun(spec, an_outcome(RunStatus.PAUSED), (asks(),), json_payload(b"{}"))
    path = f"/internal/runs/{spec.run_id}/pause"
    other = msgspec.structs.replace(_ticket_of(spec), **{claim: "other"})
    assert await captured.send("POST", path, other, report) == REFUSED
    assert await captured.send("POST", path, body=report) == REFUSED


async def test_conversations_and_files_are_those_of_the_ticket_s_workspace(jobs: tuple[System, Captured]) -> None:
    _, captured = jobs
    ticket = a_ticket(file_scope=FileScope.WORKSPACE)
    stored = f"/internal/blobs/ws/{FileKey.new('ws', ticket.workflow_id, public_run_id(ticket.run_id), 'a').file_id}"
    said = {"messages": [{"role": "user", "content": "Hi"}], "once": "1"}
    talk = "/internal/conversations/ws/messages?conversation_id=talk"
    calls = (
        ("POST", talk, said),
        ("GET", talk, None),
        ("GET", "/internal/conversations/ws", None),
        ("DELETE", talk, None),
        ("PUT", stored, {"content": 1}),
        ("POST", "/internal/blobs/ws", {"content": 1}),
        ("GET", stored, None),
    )
    for method, path, body in calls:
        assert await captured.send(method, path, body=body) == REFUSED
        assert await captured.send(method, path, a_ticket(workspace_id="attacker"), body) == REFUSED
        assert (await captured.send(method, path, ticket, body))[0] < 300


async def test_stored_values_of_other_runs_cannot_be_replaced(jobs: tuple[System, Captured]) -> None:
    _, captured = jobs
    ticket = a_ticket(file_scope=FileScope.WORKSPACE)
    mine, others = public_run_id(ticket.run_id), public_run_id(new_id())
    result = (await captured.send("POST", "/internal/blobs/ws", ticket, {"content": "true"}))[1]["blob_id"]
    foreign = (
        FileKey.new("ws", ticket.workflow_id, others, "a").file_id,
        FileKey.new("ws", "another workflow", mine, "a").file_id,
        f"file_{new_id()}",
        new_id(),
        result,
    )
    for blob_id in foreign:
        assert await captured.send("PUT", f"/internal/blobs/ws/{blob_id}", ticket, {"content": "false"}) == REFUSED
    assert await captured.send("GET", f"/internal/blobs/ws/{result}", ticket) == (200, b'{"content":"true"}')


@pytest.mark.parametrize("scope", FileScope)
async def test_a_stored_run_keeps_the_file_scope_of_its_ticket(jobs: tuple[System, Captured], scope: FileScope) -> None:
    system, captured = jobs
    spec = a_spec(file_scope=FileScope.WORKSPACE)
    report = PauseRun(spec, an_outcome(RunStatus.PAUSED), (asks(),), json_payload(b"{}"))
    ticket = msgspec.structs.replace(_ticket_of(spec), file_scope=scope)
    assert await captured.send("POST", f"/internal/runs/{spec.run_id}/pause", ticket, report) == (204, None)
    await system.gateway.resume(spec.run_id)
    granted: ClaimGranted = await system.executor.begin()
    assert ring().verify(granted.ticket).file_scope is scope


def _ticket_of(spec: Any) -> RunTicket:
    place = spec.snapshot
    return a_ticket(
        workspace_id=place.workspace_id,
        workflow_id=place.workflow_id,
        snapshot_hash=place.snapshot_hash,
        run_id=spec.run_id,
        user_id=spec.user_id,
    )
