"""The audit log: actors and actions, in pages, never a secret."""

from datetime import timedelta

import msgspec
import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor

from gateway.access.audit import cursor_at
from gateway.access.models import Role
from shared.contracts.audit import Actor, audit_entry
from shared.contracts.runs import RunStatus
from shared.security.api_keys import hash_key

AUDIT = "/api/workspaces/WS1/audit"


@pytest.fixture
async def admin(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.ADMIN)


async def test_actions_are_recorded_with_before_and_after(system: System, admin: Visitor) -> None:
    made = (await admin.send("POST", "/api/workspaces/WS1/api-keys", {"name": "ci"})).json["key"]
    await admin.send("PUT", f"/api/workspaces/WS1/api-keys/{made['id']}", {"name": "cd"})
    rows = (await admin.get(AUDIT))["data"]
    assert {row["action"] for row in rows} == {"api_key.renamed", "api_key.created", "session.signed_in"}
    renamed = next(row for row in rows if row["action"] == "api_key.renamed")
    assert renamed["actor"] == {"id": "u-admin", "name": "Admin", "kind": "user"}
    assert (renamed["before"], renamed["after"], renamed["targetId"]) == ({"name": "ci"}, {"name": "cd"}, made["id"])
    assert made["key"] not in repr(rows)


async def test_the_newest_come_first_in_pages(system: System, admin: Visitor) -> None:
    system.audit.entries.clear()
    for number in range(9):
        at, actor = NOON + timedelta(seconds=number), Actor("u", "U")
        system.audit.entries.append(audit_entry(f"e{number}", at, "WS1", actor, "workflow.deployed", target_id="W"))
    seen, cursor = list[str](), ""
    while True:
        page = await admin.get(f"{AUDIT}?limit=4{cursor}")
        seen += [row["id"] for row in page["data"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == [f"e{number}" for number in reversed(range(9))]


async def test_the_log_is_searched_by_action_actor_and_target(system: System, admin: Visitor) -> None:
    await admin.send("POST", "/api/workspaces/WS1/api-keys", {"name": "ci"})
    for query, count in (
        ("action=api_key.created", 1),
        ("actorId=u-admin", 2),
        ("actorId=nobody", 0),
        ("targetId=u-admin", 1),
    ):
        assert len((await admin.get(f"{AUDIT}?{query}"))["data"]) == count


async def test_only_admins_read_it_and_only_their_own(system: System, admin: Visitor) -> None:
    reader = await Visitor.with_role(system, Role.WRITE)
    assert (await reader.send("GET", AUDIT)).status == 403
    assert (await admin.send("GET", "/api/workspaces/WS2/audit")).status == 403


async def test_scripts_read_it_like_everything_of_v1(system: System, admin: Visitor) -> None:
    answer = await system.get("/api/v1/audit-logs?workspaceId=WS1")
    assert (answer.status, [row["action"] for row in answer.json["data"]]) == (200, ["session.signed_in"])
    assert answer.json["limits"]["usage"]["plan"] == "free"
    left = int(answer.headers["x-ratelimit-remaining"])
    refused = await system.get("/api/v1/audit-logs?workspaceId=WS2")
    assert (refused.status, list(refused.json)) == (403, ["error"])
    assert int(refused.headers["x-ratelimit-remaining"]) == left - 1
    assert (await system.get("/api/v1/audit-logs", key=None)).json == {"error": "API key required"}


@pytest.mark.parametrize("cursor", ["!", "bm9wZQ", "AAAA", "Im5vcGUi", "Ii0i", cursor_at("1" * 19), "InsiJG5lIjogMX0i"])
async def test_a_forged_cursor_is_refused(admin: Visitor, cursor: str) -> None:
    answer = await admin.send("GET", f"{AUDIT}?cursor={cursor}")
    assert (answer.status, answer.json["error"]) == (400, "Invalid cursor")


async def test_values_are_written_and_never_read(system: System, admin: Visitor) -> None:
    path = "/api/workspaces/WS1/environment"
    assert (await admin.send("PUT", f"{path}/TOKEN", {"value": "s3cret"})).status == 200
    assert (await admin.send("PUT", path, {"variables": {"A": "1", "B": "2"}})).status == 200
    answer = await admin.send("GET", path)
    assert [(row["name"], row["updatedBy"]) for row in answer.json["data"]] == [
        ("A", "Admin"),
        ("B", "Admin"),
        ("TOKEN", "Admin"),
    ]
    assert b"s3cret" not in answer.body
    assert (await admin.send("DELETE", f"{path}/TOKEN")).status == 200
    assert (await admin.send("DELETE", f"{path}/TOKEN")).status == 404
    assert (await admin.send("PUT", "/api/environment/MINE", {"value": "x"})).status == 200
    assert list(system.deployments.values["user:u-admin"]) == ["MINE"]
    assert "s3cret" not in repr(system.audit.entries)
    writer = await Visitor.with_role(system, Role.WRITE)
    assert (await writer.send("GET", path)).status == 200
    assert (await writer.send("PUT", f"{path}/A", {"value": "x"})).status == 403


async def test_changes_of_the_live_version_are_recorded_with_before_and_after(system: System, admin: Visitor) -> None:
    for method, path, body in (
        ("POST", "deploy", None),
        ("PATCH", "deployments/1", {"isActive": True}),
        ("PATCH", "deploy", {"isPublicApi": True}),
        ("DELETE", "deploy", None),
    ):
        assert (await admin.send(method, f"/api/workflows/W/{path}", body)).status == 200
        system.clock.advance(1)
    rows = (await admin.get(f"{AUDIT}?targetId=W"))["data"]
    assert [(row["action"], row["before"], row["after"]) for row in reversed(rows)] == [
        ("workflow.deployed", {"version": 1}, {"version": 2}),
        ("workflow.promoted", {"version": 2}, {"version": 1}),
        (
            "workflow.access_changed",
            {"isPublicApi": False, "storeInputsAndOutputs": True, "inputValidation": "off", "recording": None},
            {"isPublicApi": True, "storeInputsAndOutputs": True, "inputValidation": "off", "recording": None},
        ),
        ("workflow.undeployed", {"version": 1}, {"version": None}),
    ]


async def test_creating_importing_renaming_and_deleting_workflows_is_recorded(system: System, admin: Visitor) -> None:
    made = (await admin.send("POST", "/api/workflows", {"name": "One"})).json["id"]
    file = {"workspaceId": "WS1", "name": "Two", "workflow": {"version": "1.0", "state": {"blocks": {}, "edges": []}}}
    for generation in ("v1", "v2"):
        assert (await system.send("POST", f"/api/{generation}/workflows/import", file)).status == 201
    assert (await admin.send("PUT", f"/api/workflows/{made}", {"name": "Uno"})).status == 200
    assert (await admin.send("DELETE", f"/api/workflows/{made}")).status == 200
    entries = [(entry.action, entry.actor.kind, entry.target_name) for entry in system.audit.entries[1:]]
    assert entries == [
        ("workflow.created", "user", "One"),
        ("workflow.imported", "key", "Two"),
        ("workflow.imported", "key", "Two"),
        ("workflow.updated", "user", "Uno"),
        ("workflow.deleted", "user", "Uno"),
    ]
    renamed = system.audit.entries[-2]
    assert (renamed.before, renamed.after) == ({"name": "One"}, {"name": "Uno"})


async def test_many_saves_of_a_draft_are_one_entry_for_each_editor_and_quarter_of_an_hour(
    system: System, admin: Visitor
) -> None:
    async def save(visitor: Visitor) -> None:
        assert (await visitor.send("PUT", "/api/workflows/W/state", {"blocks": {}, "edges": []})).status == 200

    system.audit.entries.clear()
    for _ in range(3):
        await save(admin)
    await save(await Visitor.with_role(system, Role.WRITE))
    system.clock.advance(900)
    await save(admin)
    saves = [entry for entry in system.audit.entries if entry.action == "workflow.draft_saved"]
    assert [(entry.actor.id, entry.after) for entry in saves] == [
        ("u-admin", {"revision": 2}),
        ("u-write", {"revision": 5}),
        ("u-admin", {"revision": 6}),
    ]


async def test_a_changed_version_text_is_recorded_with_before_and_after(system: System, admin: Visitor) -> None:
    body = {"name": "Spring", "description": "The first"}
    assert (await admin.send("PATCH", "/api/workflows/W/deployments/1", body)).status == 200
    entry = system.audit.entries[-1]
    assert (entry.action, entry.target_id, entry.target_name) == ("workflow.version_updated", "W", "version 1")
    assert (entry.before, entry.after) == ({"name": None, "description": None}, body)


async def test_webhooks_are_recorded_without_possible_secrets(system: System, admin: Visitor) -> None:
    path, hidden = "/api/workspaces/WS1/notifications", "/hooks/T0/s3cret"

    def body(**config: str) -> dict[str, object]:
        return {"allWorkflows": True, "webhookConfig": {"url": f"https://example.com{hidden}", **config}}

    made = (await admin.send("POST", path, body())).json["data"]["id"]
    assert (await admin.send("PUT", f"{path}/{made}", body(secret="s3cret"))).status == 200
    assert (await admin.send("POST", f"{path}/{made}/test")).status == 200
    assert (await admin.send("DELETE", f"{path}/{made}")).status == 200
    assert (await admin.send("GET", "/api/workspaces/WS1/callback-secret")).status == 200
    created, updated, tested, deleted, read = system.audit.entries[1:]
    assert (created.action, created.target_name) == ("webhook.created", "example.com")
    assert updated.after == {
        "host": "example.com",
        "workflowIds": [],
        "active": True,
        "hasSecret": True,
        "secretChanged": True,
    }
    assert (tested.action, tested.target_name, tested.after) == (
        "webhook.tested",
        "example.com",
        {"success": True, "status": 200},
    )
    assert (deleted.action, deleted.before, read.action) == (
        "webhook.deleted",
        {"host": "example.com", "workflowIds": [], "active": True, "hasSecret": True},
        "callback_secret.read",
    )
    assert "s3cret" not in repr(system.audit.entries)


async def test_redrives_and_redeliveries_are_recorded(system: System) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    assert (await system.send("POST", "/api/v1/runs/E1/redrive")).status == 202
    assert (await system.send("POST", "/api/v1/dead-letters/L1/redrive")).status == 202
    assert (await system.send("DELETE", "/api/v1/dead-letters/L1")).status == 204
    assert [(entry.action, entry.target_id) for entry in system.audit.entries] == [
        ("run.redriven", "E1"),
        ("dead_letter.redriven", "L1"),
        ("dead_letter.discarded", "L1"),
    ]


async def test_a_key_for_some_workflows_gives_no_second_chance_to_others(system: System) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    key_hash = hash_key(system.key)
    system.tenants.keys[key_hash] = msgspec.structs.replace(system.tenants.keys[key_hash], workflow_ids=("V",))
    assert (await system.send("POST", "/api/v1/runs/E1/redrive")).status == 403
    assert (await system.send("POST", "/api/v1/runs/E9/redrive")).status == 404
    assert system.audit.entries == []
