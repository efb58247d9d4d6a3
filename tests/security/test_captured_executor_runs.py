"""With executor-service's token, an attacker reaches only runs that a worker was granted."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.support.captured_executor import REFUSED, Captured
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
from tests.support.tickets import a_ticket, ring

from shared.contracts.claims import ClaimGranted, ClaimRun, FinishRun
from shared.contracts.files import FileKey, FileScope
from shared.contracts.jobs import PauseRun
from shared.contracts.runs import RunSpec, RunStatus
from shared.contracts.tickets import RunTicket
from shared.ids import new_id, public_run_id


@pytest.fixture
async def jobs(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[tuple[System, Captured]]:
    settings = quick_settings(mongodb_uri, mongodb_prefix, run_tickets="require")
    async with jobs_service(settings) as system:
        await system.executor.listen()
        async with httpx2.AsyncClient(transport=system.transport, base_url="http://jobs") as http:
            yield system, Captured(http)


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
async def test_a_paused_run_cannot_exceed_the_time_limit(jobs: tuple[System, Captured], duration_ms: float) -> None:
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


async def test_a_run_that_continues_after_a_pause_has_a_ticket(jobs: tuple[System, Captured]) -> None:
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
    spec = a_spec(user_id="ann", actor_id="key-1", caller_name="Ann's")
    again = await _redriven(jobs, spec, caller)
    assert (again.run.user_id, again.run.actor_id, again.run.caller_name) == (
        caller.get("user_id"),
        caller.get("actor_id"),
        caller.get("caller_name"),
    )
    assert ring().verify(again.ticket).user_id == caller.get("user_id")


@pytest.mark.parametrize(
    ("caller", "scope"), [({"file_scope": scope.value}, scope) for scope in FileScope] + [({}, FileScope.WORKFLOW)]
)
async def test_the_ticket_of_a_redriven_run_opens_the_files_of_its_caller(
    jobs: tuple[System, Captured], caller: dict[str, str], scope: FileScope
) -> None:
    again = await _redriven(jobs, a_spec(file_scope=FileScope.WORKSPACE), caller)
    assert ring().verify(again.ticket).file_scope is scope


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
    messages = {"messages": [{"role": "user", "content": "Hi"}], "once": "1"}
    talk = "/internal/conversations/ws/messages?conversation_id=talk"
    calls = (
        ("POST", talk, messages),
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


async def _redriven(jobs: tuple[System, Captured], spec: RunSpec, caller: dict[str, str]) -> ClaimGranted:
    """Let a run fail, redrive it for this caller, and claim the new run."""
    system, captured = jobs
    accepted = await system.gateway.accept(spec)
    failed = await system.executor.begin()
    report = FinishRun(failed.attempt, an_outcome(RunStatus.FAILED))
    await captured.send("POST", f"/internal/runs/{accepted.run_id}/finish", failed.ticket, report)
    body = {"workspace_id": WORKSPACE, "concurrency_limit": 5} | caller
    await system.gateway.client.call("POST", f"/internal/runs/{accepted.run_id}/redrive", body=body)
    return await system.executor.begin()


def _ticket_of(spec: Any) -> RunTicket:
    place = spec.snapshot
    return a_ticket(
        workspace_id=place.workspace_id,
        workflow_id=place.workflow_id,
        snapshot_hash=place.snapshot_hash,
        run_id=spec.run_id,
        user_id=spec.user_id,
    )
