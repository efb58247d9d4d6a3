"""The audit log: who did what, in pages, and never a secret."""

from datetime import timedelta

import pytest
from tests.unit.gateway.fakes import NOON
from tests.unit.gateway.system import System
from tests.unit.gateway.visitor import Visitor

from gateway.domain.people import Role
from shared.contracts.audit import Actor, audit_entry

AUDIT = "/api/workspaces/WS1/audit"


@pytest.fixture
async def admin(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.ADMIN)


async def test_deeds_are_told_with_before_and_after(system: System, admin: Visitor) -> None:
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
    assert (await system.get("/api/v1/audit-logs?workspaceId=WS1")).status == 200
    assert (await system.get("/api/v1/audit-logs?workspaceId=WS2")).status == 403


@pytest.mark.parametrize("cursor", ["!", "bm9wZQ", "AAAA"])
async def test_a_made_up_cursor_is_refused(admin: Visitor, cursor: str) -> None:
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


async def test_what_is_live_is_told_with_before_and_after(system: System, admin: Visitor) -> None:
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
        ("workflow.access_changed", {"isPublicApi": False}, {"isPublicApi": True}),
        ("workflow.undeployed", {"version": 1}, {"version": None}),
    ]
