"""A gated deploy or promote needs a replay that has passed on exactly this content."""

from typing import Any

import pytest
from tests.support.gateway.replays import a_replay
from tests.support.gateway.system import System

from gateway.access.credentials import Scope
from shared.contracts.replay_sets import ReplaySetStatus

V1 = "/api/v1/workflows/W"
V2 = "/api/v2/workflows/W"
LEGACY = "/api/workflows/W"
PASSED = ReplaySetStatus.PASSED
GATE = {"gate": {"replayId": "S1"}}
OVERRIDE = {"gate": {"replayId": "S1", "override": "hotfix"}}


def put(system: System, **more: Any) -> None:
    """Store a replay that passed on the draft."""
    system.replays.put(a_replay(**{"snapshot_hash": "draft1", "status": PASSED, "is_draft": True, **more}))


def live(system: System) -> int | None:
    return system.deployments.endpoints["W"].version


@pytest.mark.parametrize("base", [V1, V2, LEGACY])
async def test_a_draft_whose_replay_passed_is_deployed(system: System, base: str) -> None:
    put(system)
    assert (await system.send("POST", f"{base}/deploy", GATE)).status == 200
    assert live(system) == 2


@pytest.mark.parametrize(
    ("replay", "code"),
    [
        ({"status": ReplaySetStatus.RUNNING}, "REPLAY_RUNNING"),
        ({"status": ReplaySetStatus.REFUSED, "refusals": ("different: 1, allowed: 0",)}, "REPLAY_REFUSED"),
        ({"status": ReplaySetStatus.CANCELED}, "REPLAY_CANCELED"),
        ({"snapshot_hash": "draft0"}, "REPLAY_OTHER_CONTENT"),
        ({"workflow_id": "other"}, "REPLAY_NOT_FOUND"),
        ({"workspace_id": "WS2"}, "REPLAY_NOT_FOUND"),
    ],
)
async def test_any_other_replay_refuses_with_a_code(system: System, replay: dict[str, Any], code: str) -> None:
    put(system, **replay)
    answers = [await system.send("POST", f"{base}/deploy", GATE) for base in (V1, LEGACY)]
    assert [(each.status, each.json["details"]["code"]) for each in answers] == [(409, code)] * 2
    answer = await system.send("POST", f"{V2}/deploy", GATE)
    error = answer.json["error"]
    assert (answer.status, error["code"], error["details"]["code"]) == (409, "CONFLICT", code)
    assert live(system) == 1


async def test_a_version_is_promoted_after_a_replay_of_exactly_this_version(system: System) -> None:
    system.deployments.put("W", version=2)
    put(system, snapshot_hash="hash1")
    refused = await system.send("PATCH", f"{LEGACY}/deployments/2", {"isActive": True, **GATE})
    assert (refused.status, refused.json["details"]["code"]) == (409, "REPLAY_OTHER_CONTENT")
    assert (await system.send("PATCH", f"{LEGACY}/deployments/1", {"isActive": True, **GATE})).status == 200
    assert live(system) == 1
    refused = await system.send("POST", f"{V2}/rollback", {"version": 2, **GATE})
    assert refused.json["error"]["details"]["code"] == "REPLAY_OTHER_CONTENT"


@pytest.mark.parametrize("replay", [{"status": ReplaySetStatus.REFUSED}, {"snapshot_hash": "draft0"}])
async def test_an_admin_may_override_and_the_reason_is_audited(system: System, replay: dict[str, Any]) -> None:
    put(system, **replay)
    assert (await system.send("POST", f"{V2}/deploy", OVERRIDE)).status == 200
    entry = system.audit.entries[-1]
    assert (entry.action, entry.target_id) == ("workflow.gate_overridden", "W")
    assert entry.after is not None
    assert (entry.after["reason"], entry.after["replayId"], entry.after["version"]) == ("hotfix", "S1", 2)


async def test_an_override_needs_the_admin_scope(system: System) -> None:
    put(system, status=ReplaySetStatus.REFUSED)
    key = system.tenants.issue(scopes=frozenset({Scope.DEPLOY}))
    answer = await system.send("POST", f"{V2}/deploy", OVERRIDE, key=key)
    assert (answer.status, live(system)) == (403, 1)


async def test_a_replay_that_passed_needs_no_override(system: System) -> None:
    put(system)
    key = system.tenants.issue(scopes=frozenset({Scope.DEPLOY}))
    assert (await system.send("POST", f"{V2}/deploy", OVERRIDE, key=key)).status == 200
    assert system.audit.entries[-1].action == "workflow.deployed"


async def test_a_gate_without_a_replay_is_invalid(system: System) -> None:
    for gate in ({}, {"replayId": ""}, "S1"):
        assert (await system.send("POST", f"{LEGACY}/deploy", {"gate": gate})).status == 400
    assert live(system) == 1
