"""A personal key does no more than its owner's role allows, and approvals need their own scope."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.support.gateway.agent_calls import a_task, error_of, publish
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import Answer, System
from tests.support.gateway.visitor import Visitor, enroll

from gateway.access.credentials import ApiKey, Scope, effective_scopes
from gateway.access.models import Role
from gateway.access.store import stored_key, to_key
from shared.contracts.jobs import PauseKind, PausePoint
from shared.contracts.runs import RunStatus, Trigger
from shared.security.api_keys import hash_key

SHOWN: dict[str, Callable[[str], dict[str, str]]] = {
    "x-api-key": lambda key: {"x-api-key": key},
    "bearer": lambda key: {"authorization": f"Bearer {key}"},
}
CANCELS = (
    ("/api/workflows/W/executions/E1/cancel", b""),
    ("/api/v2/workflows/W/runs/E1/cancel", b""),
    ("/api/v2/workflows/W/runs/cancel", b"{}"),
)
REDRIVES = ("/api/v1/runs/E1/redrive", "/api/v1/dead-letters/L1/redrive")
APPROVALS = (
    ("/api/resume/W/E1/ask", b'{"input":{"approved":true}}'),
    ("/api/v2/workflows/W/runs/E1/resume", b'{"contextId":"ask","input":{"approved":true}}'),
)
FULL_BEFORE = frozenset({Scope.EXECUTE, Scope.READ, Scope.WRITE, Scope.DEPLOY})


@pytest.fixture(autouse=True)
async def paused(system: System) -> None:
    """Create another member's run that waits for an approval."""
    asks = (PausePoint("ask", "ask", PauseKind.HUMAN, NOON),)
    system.jobs.views["E1"] = a_view(RunStatus.PAUSED, paused_at=NOON, pauses=asks)


def personal_key(system: System, role: Role, scopes: frozenset[Scope] = frozenset(Scope)) -> str:
    return system.tenants.issue_personal(enroll(system, f"member-{role}", role), scopes)


async def post(system: System, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    return await system.request("POST", path, headers={**headers, "content-type": "application/json"}, body=body)


@pytest.mark.parametrize(("path", "body"), CANCELS)
@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("scopes", [frozenset(Scope), frozenset({Scope.EXECUTE})], ids=["every scope", "execute"])
async def test_the_key_of_a_reading_member_cancels_no_run(
    system: System, path: str, body: bytes, shown: str, scopes: frozenset[Scope]
) -> None:
    key = personal_key(system, Role.READ, scopes)
    answer = await post(system, path, body, SHOWN[shown](key))
    assert answer.status == 403, answer.body
    assert b"Access denied to write this workflow" in answer.body
    assert system.jobs.views["E1"].status is RunStatus.PAUSED


async def test_only_members_who_write_can_redrive_a_run(system: System) -> None:
    path = "/api/v1/runs/E1/redrive"
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    reader, writer = personal_key(system, Role.READ), personal_key(system, Role.WRITE)
    assert (await post(system, path, b"", SHOWN["x-api-key"](reader))).status == 403
    by_session = await (await Visitor.with_role(system, Role.READ, "viewer")).send("POST", path)
    assert by_session.status == 403
    assert system.dead_letters.requests == []
    assert (await post(system, path, b"", SHOWN["x-api-key"](writer))).status == 202


async def test_a_redriven_run_belongs_to_the_person_who_redrives_it(system: System) -> None:
    """Its ticket opens the personal environment values of its caller, a present member."""
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    user = enroll(system, "boss", Role.ADMIN)
    key = system.tenants.issue_personal(user)
    for path in REDRIVES:
        assert (await post(system, path, b"", SHOWN["x-api-key"](key))).status == 202
    for request in system.dead_letters.requests:
        assert (request.user_id, request.caller_name) == (user.id, system.tenants.keys[hash_key(key)].name)
        assert request.actor_id == system.tenants.keys[hash_key(key)].id
        assert request.log_retention_ms
    assert len(system.dead_letters.requests) == 2
    workspace_key = SHOWN["x-api-key"](system.key)
    assert (await post(system, "/api/v1/runs/E1/redrive", b"", workspace_key)).status == 202
    assert system.dead_letters.requests[-1].user_id is None


async def test_the_key_of_a_reading_member_cancels_no_task_of_an_agent(system: System) -> None:
    await publish(system)
    a_task(system, RunStatus.PROCESSING)
    answer = await call_agent(system, "CancelTask", {"id": "T1"}, personal_key(system, Role.READ))
    assert error_of(answer)[0] == 403
    assert system.jobs.views["T1"].status is RunStatus.PROCESSING


@pytest.mark.parametrize(("path", "body"), CANCELS)
async def test_the_key_of_a_writing_member_cancels_runs_until_demotion(system: System, path: str, body: bytes) -> None:
    key = personal_key(system, Role.WRITE)
    assert (await post(system, path, body, SHOWN["x-api-key"](key))).status == 200
    demoted = await system.send("PATCH", f"/api/workspaces/WS1/members/u-member-{Role.WRITE}", {"role": "read"})
    assert demoted.status == 200
    system.clock.advance(1)
    assert (await post(system, path, body, SHOWN["x-api-key"](key))).status == 403


@pytest.mark.parametrize(("path", "body"), APPROVALS)
@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize(
    "scopes",
    [frozenset({Scope.EXECUTE}), frozenset({Scope.EXECUTE, Scope.READ}), FULL_BEFORE],
    ids=["execute", "execute and read", "all but approve and admin"],
)
async def test_a_key_without_the_approve_scope_approves_nothing(
    system: System, path: str, body: bytes, shown: str, scopes: frozenset[Scope]
) -> None:
    answer = await post(system, path, body, SHOWN[shown](system.tenants.issue(scopes=scopes)))
    assert answer.status == 403, answer.body
    assert b"API key lacks the approve scope" in answer.body
    assert system.jobs.resumed == {}


@pytest.mark.parametrize(("path", "body"), APPROVALS)
@pytest.mark.parametrize(
    ("role", "status"), [(Role.READ, 403), (Role.WRITE, 202), (Role.ADMIN, 202)], ids=["read", "write", "admin"]
)
async def test_a_personal_key_approves_as_its_owner_may(
    system: System, path: str, body: bytes, role: Role, status: int
) -> None:
    answer = await post(system, path, body, SHOWN["x-api-key"](personal_key(system, role)))
    assert (answer.status, bool(system.jobs.resumed)) == (status, status == 202), answer.body


async def test_a_key_with_the_approve_scope_alone_approves(system: System) -> None:
    key = system.tenants.issue(scopes=frozenset({Scope.APPROVE}))
    (path, body), _ = APPROVALS
    assert (await post(system, path, body, SHOWN["x-api-key"](key))).status == 202


async def test_a_message_to_an_agent_needs_the_approve_scope(system: System) -> None:
    await publish(system)
    asks = (PausePoint("ask", "ask", PauseKind.HUMAN, NOON),)
    a_task(system, RunStatus.PAUSED, paused_at=NOON, pauses=asks, trigger=Trigger.A2A)
    message = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": {"ok": True}}], "taskId": "T1"}}
    for method in ("SendMessage", "SendStreamingMessage"):
        key = system.tenants.issue(scopes=frozenset({Scope.EXECUTE, Scope.READ}))
        answer = await call_agent(system, method, message, key)
        assert error_of(answer)[0] == 403
    assert system.jobs.resumed == {}


async def call_agent(system: System, method: str, params: Any, key: str) -> Answer:
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": "c1", "method": method, "params": params})
    return await post(system, "/api/a2a/serve/A1", body, {"x-api-key": key, "a2a-version": "1.0"})


@pytest.mark.parametrize(
    ("scopes", "approves"),
    [
        (frozenset({Scope.ADMIN}), True),
        (FULL_BEFORE | {Scope.ADMIN}, True),
        (FULL_BEFORE, True),
        (frozenset({Scope.EXECUTE}), False),
        (frozenset({Scope.EXECUTE, Scope.READ}), False),
        (frozenset({Scope.EXECUTE, Scope.READ, Scope.WRITE}), False),
    ],
)
def test_a_key_from_before_the_approve_scope_has_it_if_it_was_a_full_key(
    system: System, scopes: frozenset[Scope], approves: bool
) -> None:
    document = stored_key(stored(system, scopes))
    del document["approves"]
    assert (Scope.APPROVE in effective_scopes(to_key(document))) is approves


@pytest.mark.parametrize("scopes", [FULL_BEFORE, FULL_BEFORE | {Scope.APPROVE}, frozenset({Scope.APPROVE})])
def test_a_new_key_is_read_as_it_was_made_and_has_no_scope_that_earlier_gateways_refuse(
    system: System, scopes: frozenset[Scope]
) -> None:
    key = stored(system, scopes)
    document = stored_key(key)
    assert to_key(document) == key
    assert Scope.APPROVE not in document["scopes"]


def stored(system: System, scopes: frozenset[Scope]) -> ApiKey:
    return system.tenants.keys[hash_key(system.tenants.issue(scopes=scopes))]
