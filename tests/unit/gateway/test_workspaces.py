"""Workspaces, members, invitations: members read, admins change, and an admin always remains."""

import pytest
from tests.support.gateway.system import BASE, System
from tests.support.gateway.visitor import PASSWORD, Visitor, enroll

from gateway.access.models import Role

WORKSPACE = "/api/workspaces/WS1"


@pytest.fixture
async def admin(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.ADMIN)


@pytest.fixture
async def reader(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.READ)


async def invited(admin: Visitor, role: str = "write", **more: str) -> str:
    answer = await admin.send("POST", f"{WORKSPACE}/invitations", {"role": role, **more})
    assert answer.status == 201
    url = answer.json["invitation"]["url"]
    assert url.startswith(f"{BASE}/invite#")
    return str(url.partition("#")[2])


async def roles(visitor: Visitor) -> dict[str, str]:
    members = (await visitor.get(f"{WORKSPACE}/members"))["members"]
    return {member["email"].partition("@")[0]: member["role"] for member in members if "@example" in member["email"]}


async def test_the_list_has_the_members_role_in_each(system: System, reader: Visitor) -> None:
    system.tenants.join("WS2", "u-read", Role.WRITE)
    system.clock.advance(1)
    rows = (await reader.get("/api/workspaces"))["workspaces"]
    assert [(row["id"], row["name"], row["role"], row["plan"]) for row in rows] == [
        ("WS1", "First", "read", "free"),
        ("WS2", "Second", "write", "pro"),
    ]


async def test_the_queue_is_shown_to_its_readers_only(system: System, reader: Visitor) -> None:
    assert await reader.get(f"{WORKSPACE}/queue") == {"queued": 0, "limit": 1000, "waitSeconds": None}
    assert (await reader.send("GET", "/api/workspaces/WS2/queue")).status == 403


async def test_a_key_sees_its_own_workspace(system: System) -> None:
    rows = (await system.get("/api/workspaces")).json["workspaces"]
    assert [(row["id"], row["role"]) for row in rows] == [("WS1", "admin")]


async def test_the_creator_of_a_workspace_is_its_admin(system: System, reader: Visitor) -> None:
    answer = await reader.send("POST", "/api/workspaces", {"name": " Mine "})
    assert answer.status == 201
    made = answer.json["workspace"]
    assert (made["name"], made["role"]) == ("Mine", "admin")
    assert (await reader.send("PATCH", f"/api/workspaces/{made['id']}", {"name": "Ours"})).json["workspace"][
        "name"
    ] == "Ours"


async def test_a_strangers_workspace_is_closed(admin: Visitor) -> None:
    answer = await admin.send("GET", "/api/workspaces/WS2")
    assert (answer.status, answer.json["error"]) == (403, "Unauthorized: Access denied to read this workflow")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", WORKSPACE, {"name": "x"}),
        ("POST", f"{WORKSPACE}/invitations", {"role": "read"}),
        ("GET", f"{WORKSPACE}/invitations", None),
        ("PATCH", f"{WORKSPACE}/members/u-admin", {"role": "read"}),
        ("DELETE", f"{WORKSPACE}/members/u-admin", None),
        ("DELETE", f"{WORKSPACE}/invitations/i", None),
    ],
)
async def test_a_reader_changes_no_member(
    admin: Visitor, reader: Visitor, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = await reader.send(method, path, body)
    assert (answer.status, answer.json["error"], answer.json["code"]) == (403, "Forbidden", "FORBIDDEN")
    assert await roles(reader) == {"admin": "admin", "read": "read"}


async def test_a_link_lets_one_newcomer_in_and_signs_them_in(system: System, admin: Visitor) -> None:
    token = await invited(admin)
    guest = Visitor(system)
    look = (await guest.send("POST", "/api/invitations/look", {"token": token})).json
    assert (look["workspaceId"], look["workspaceName"]) == ("WS1", "First")
    assert (look["role"], look["email"]) == ("write", None)
    body = {"token": token, "email": "Bob@Example.com", "name": "Bob", "password": PASSWORD}
    assert (await guest.send("POST", "/api/invitations/accept", body)).status == 200
    assert (await guest.get("/api/auth/get-session"))["user"]["email"] == "bob@example.com"
    assert (await roles(guest))["bob"] == "write"
    again = await Visitor(system).send("POST", "/api/invitations/accept", {**body, "email": "eve@example.com"})
    assert (again.status, again.json["error"]) == (
        404,
        "This invitation is no longer valid. Ask an admin of the workspace for a new one.",
    )


async def test_a_person_whose_join_failed_signs_in_and_uses_the_same_link(system: System, admin: Visitor) -> None:
    token = await invited(admin)
    bob = Visitor(system)
    body = {"token": token, "email": "bob@example.com", "name": "Bob", "password": PASSWORD}
    system.tenants.are_teams_stuck = True
    assert (await bob.send("POST", "/api/invitations/accept", body)).status == 503
    assert "bob" not in await roles(admin)
    system.tenants.are_teams_stuck = False
    again = await bob.send("POST", "/api/invitations/accept", body)
    assert (again.status, again.json["error"]) == (
        409,
        "This address has an account. Sign in, then open the link again.",
    )
    await bob.sign_in("bob@example.com")
    assert (await bob.send("POST", "/api/invitations/look", {"token": token})).status == 200
    assert (await bob.send("POST", "/api/invitations/accept", {"token": token})).status == 200
    assert (await roles(admin))["bob"] == "write"
    eve = await Visitor(system).send("POST", "/api/invitations/accept", {**body, "email": "eve@example.com"})
    assert eve.status == 404


async def test_a_signed_in_person_needs_only_the_link(system: System, admin: Visitor) -> None:
    enroll(system, "carl", Role.READ, workspace="WS2")
    carl = Visitor(system)
    await carl.sign_in("carl@example.com")
    assert (await carl.send("POST", "/api/invitations/accept", {"token": await invited(admin)})).status == 200
    system.clock.advance(1)
    assert (await roles(carl))["carl"] == "write"
    twice = await carl.send("POST", "/api/invitations/accept", {"token": await invited(admin)})
    assert twice.status == 409


async def test_an_address_with_an_account_signs_in_first(system: System, admin: Visitor) -> None:
    enroll(system, "carl", Role.READ, workspace="WS2")
    token = await invited(admin)
    body = {"token": token, "email": "carl@example.com", "name": "Carl", "password": "another one"}
    assert (await Visitor(system).send("POST", "/api/invitations/accept", body)).status == 409
    assert (await Visitor(system).send("POST", "/api/invitations/look", {"token": token})).status == 200


async def test_a_link_for_one_person_admits_no_other(system: System, admin: Visitor) -> None:
    token = await invited(admin, email="bob@example.com")
    body = {"token": token, "email": "eve@example.com", "name": "Eve", "password": PASSWORD}
    assert (await Visitor(system).send("POST", "/api/invitations/accept", body)).status == 403


async def test_another_site_admits_no_member(system: System, admin: Visitor) -> None:
    body = {"token": await invited(admin), "email": "bob@example.com", "name": "Bob", "password": PASSWORD}
    guest = Visitor(system, origin="https://evil.example")
    answer = await guest.send("POST", "/api/invitations/accept", body, content_type="text/plain")
    assert (answer.status, guest.token) == (403, "")
    assert "bob" not in await roles(admin)


async def test_a_link_ends_after_a_week_or_when_it_is_withdrawn(system: System, admin: Visitor) -> None:
    token = await invited(admin)
    (open_one,) = (await admin.get(f"{WORKSPACE}/invitations"))["invitations"]
    assert "url" not in open_one
    assert token not in repr(system.tenants.kept_invitations)
    other = await invited(admin)
    assert (await admin.send("DELETE", f"{WORKSPACE}/invitations/{open_one['id']}")).status == 200
    system.clock.advance(7 * 86_400)
    for dead in (token, other):
        assert (await Visitor(system).send("POST", "/api/invitations/look", {"token": dead})).status == 404


async def test_a_changed_role_applies_within_a_second(system: System, admin: Visitor, reader: Visitor) -> None:
    path = f"{WORKSPACE}/members/u-read"
    assert (await admin.send("PATCH", path, {"role": "write"})).status == 200
    system.clock.advance(1)
    assert (await reader.get("/api/workspaces"))["workspaces"][0]["role"] == "write"
    assert (await admin.send("DELETE", path)).status == 200
    system.clock.advance(1)
    assert (await reader.send("GET", "/api/workspaces")).status == 403


async def test_the_last_admin_stays(system: System, admin: Visitor) -> None:
    team = system.tenants.teams["WS1"]
    for member in team.members:
        if member.user_id != "u-admin":
            await admin.send("DELETE", f"{WORKSPACE}/members/{member.user_id}")
    for method, body in (("PATCH", {"role": "read"}), ("DELETE", None)):
        answer = await admin.send(method, f"{WORKSPACE}/members/u-admin", body)
        assert (answer.status, answer.json["error"]) == (
            409,
            "A workspace needs at least one admin. Make another member an admin first.",
        )


async def test_every_member_may_leave(system: System, admin: Visitor, reader: Visitor) -> None:
    assert (await reader.send("DELETE", f"{WORKSPACE}/members/u-read")).status == 200
    assert await roles(admin) == {"admin": "admin"}
