"""API keys: shown once, masked afterwards, limited to their scopes, rejected immediately after revocation."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor

from gateway.access.credentials import ApiKey
from gateway.access.models import Role
from shared.clock import iso
from shared.security.api_keys import hash_key, is_mistyped

KEYS = "/api/workspaces/WS1/api-keys"
MINE = "/api/users/me/api-keys"
CHECKSUM_CHARACTERS = 6


@pytest.fixture
async def admin(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.ADMIN)


async def make(visitor: Visitor, name: str = "ci", path: str = KEYS, **more: Any) -> dict[str, Any]:
    answer = await visitor.send("POST", path, {"name": name, **more})
    assert answer.status == 200, answer.body
    key: dict[str, Any] = answer.json["key"]
    return key


async def status(system: System, key: str, method: str = "GET", path: str = "/api/workflows") -> int:
    return (await system.send(method, path, key=key)).status


async def test_a_key_is_shown_once_and_stored_as_a_hash(system: System, admin: Visitor) -> None:
    made = await make(admin)
    clear = made["key"]
    assert clear.startswith("sk-sim-")
    assert not is_mistyped(clear)
    assert (made["scopes"], made["createdBy"], made["lastUsed"]) == (["execute", "read"], "Admin", None)
    listed = next(key for key in (await admin.get(KEYS))["keys"] if key["id"] == made["id"])
    assert listed["displayKey"] == f"sk-sim-...{clear[-4:]}"
    assert "key" not in listed
    assert clear not in repr(system.tenants.keys)
    assert hash_key(clear) in system.tenants.keys
    assert await status(system, clear) == 200


async def test_a_key_has_at_least_160_random_bits(admin: Visitor) -> None:
    keys = [(await make(admin, f"key {number}"))["key"] for number in range(50)]
    bodies = [urlsafe_b64decode(key.removeprefix("sk-sim-")[:-CHECKSUM_CHARACTERS] + "==") for key in keys]
    assert min(len(body) for body in bodies) * 8 >= 160
    differing = 0
    for body in bodies:
        differing |= int.from_bytes(body) ^ int.from_bytes(bodies[0])
    assert differing.bit_count() >= 160, "a bit that is equal in 50 keys is not random"


async def test_concurrently_created_keys_do_not_exceed_the_limit(
    system: System, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = system.tenants.keys_of

    async def over_a_slow_line(**owner: str | None) -> Sequence[ApiKey]:
        found = await known(**owner)
        await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(system.tenants, "keys_of", over_a_slow_line)
    there = len((await admin.get(KEYS))["keys"])
    monkeypatch.setattr("gateway.keys.service.MAX_KEYS", there + 2)
    made = await asyncio.gather(*(admin.send("POST", KEYS, {"name": f"key {n}"}) for n in range(6)))
    assert sorted(answer.status for answer in made) == [200, 200, 400, 400, 400, 400]
    assert len((await admin.get(KEYS))["keys"]) == there + 2


async def test_names_are_given_once(admin: Visitor) -> None:
    first = await make(admin)
    again = await admin.send("POST", KEYS, {"name": " ci "})
    assert again.status == 409
    assert again.json["error"] == 'A workspace API key named "ci" already exists. Choose a different name.'
    await make(admin, "other")
    clash = await admin.send("PUT", f"{KEYS}/{first['id']}", {"name": "other"})
    assert (clash.status, clash.json["error"]) == (409, "A workspace API key with this name already exists")
    renamed = await admin.send("PUT", f"{KEYS}/{first['id']}", {"name": "third"})
    assert renamed.json["key"]["name"] == "third"


@pytest.mark.parametrize("body", [{}, {"name": "  "}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["root"]}])
async def test_a_key_must_be_described(admin: Visitor, body: dict[str, Any]) -> None:
    answer = await admin.send("POST", KEYS, body)
    assert (answer.status, answer.json["error"]) == (400, "Validation error")


@pytest.mark.parametrize("path", [KEYS, MINE])
@pytest.mark.parametrize("misspelt", ["workflowID", "expires", "scope"])
async def test_a_misspelt_restriction_makes_no_key_without_one(admin: Visitor, path: str, misspelt: str) -> None:
    answer = await admin.send("POST", path, {"name": "ci", misspelt: ["W"]})
    assert answer.status == 400
    assert misspelt in answer.body.decode()
    assert (await make(admin, path=path, source="settings"))["name"] == "ci"


async def test_a_key_without_a_name_is_refused(admin: Visitor) -> None:
    details = (await admin.send("POST", KEYS, {"name": ""})).json["details"]
    assert details == [{"code": "too_small", "path": ["name"], "message": "Name is required"}]


async def test_a_key_is_limited_to_its_scopes(system: System, admin: Visitor) -> None:
    key = (await make(admin, scopes=["read"]))["key"]
    assert await status(system, key) == 200
    refused = await system.send("POST", "/api/workflows/W/deploy", key=key)
    assert (refused.status, refused.json["error"]) == (403, "API key lacks the deploy scope")
    assert (await system.execute({}, key=key)).status == 403


async def test_a_key_for_one_workflow_opens_no_other(system: System, admin: Visitor) -> None:
    system.deployments.put("X")
    key = (await make(admin, workflowIds=["W"]))["key"]
    assert (await system.execute({}, key=key)).status == 200
    refused = await system.execute({}, key=key, workflow="X")
    assert (refused.status, refused.json) == (403, {"error": "API key is not authorized for this workflow"})
    assert [row["id"] for row in (await system.get("/api/workflows", key=key)).json["data"]] == ["W"]
    assert (await system.send("POST", "/api/workflows", {"name": "new"}, key=key)).status == 403


async def test_an_admin_key_for_one_workflow_cannot_get_rid_of_its_limit(system: System, admin: Visitor) -> None:
    system.deployments.put("X")
    made = await make(admin, scopes=["admin"], workflowIds=["W"])
    other = await make(admin, "other", scopes=["admin"])
    for method, path, body in (
        ("POST", KEYS, {"name": "wider", "scopes": ["admin"]}),
        ("POST", f"{KEYS}/{other['id']}/rotate", {"overlapSeconds": 60}),
        ("PUT", f"{KEYS}/{made['id']}", {"rateLimit": None}),
        ("POST", "/api/workspaces/WS1/invitations", {"role": "admin"}),
    ):
        refused = await system.send(method, path, body, key=made["key"])
        message = "API key is limited to some workflows of this workspace"
        assert (refused.status, refused.json["error"]) == (403, message)
    opened = {"isPublicApi": True}
    statuses = [
        (await system.send("PATCH", f"/api/workflows/{each}/deploy", opened, key=made["key"])).status
        for each in ("W", "X")
    ]
    assert statuses == [200, 403], "it is an admin of its own workflow"


async def test_a_key_may_have_its_own_rate_limit(system: System, admin: Visitor) -> None:
    made = await make(admin, rateLimit=1)
    assert made["rateLimit"] == 1
    answers = [await system.execute({}, key=made["key"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert (await system.execute({})).status == 200
    assert (await admin.send("POST", KEYS, {"name": "none", "rateLimit": 0})).status == 400


async def test_a_changed_limit_of_a_key_applies_to_the_next_call(system: System, admin: Visitor) -> None:
    made = await make(admin, rateLimit=1)
    answers = [await system.execute({}, key=made["key"]) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    raised = await admin.send("PUT", f"{KEYS}/{made['id']}", {"rateLimit": 100})
    assert (raised.json["key"]["rateLimit"], raised.json["key"]["name"]) == (100, made["name"])
    assert (await system.execute({}, key=made["key"])).status == 200
    freed = await admin.send("PUT", f"{KEYS}/{made['id']}", {"rateLimit": None})
    assert freed.json["key"]["rateLimit"] is None
    entries = [(entry.action, entry.before, entry.after) for entry in system.audit.entries[-2:]]
    assert entries == [
        ("api_key.limited", {"rateLimit": 1}, {"rateLimit": 100}),
        ("api_key.limited", {"rateLimit": 100}, {"rateLimit": None}),
    ]


async def test_a_change_of_a_key_needs_a_field(admin: Visitor) -> None:
    made = await make(admin, rateLimit=1)
    nothing = await admin.send("PUT", f"{KEYS}/{made['id']}", {})
    assert (nothing.status, nothing.json["error"]) == (400, "At least one of name or rateLimit must be provided")
    for rate_limit in (0, -1, "10", 2_000_000_000):
        wrong = await admin.send("PUT", f"{KEYS}/{made['id']}", {"rateLimit": rate_limit})
        assert (wrong.status, wrong.json["error"]) == (400, "Validation error")
        assert "rateLimit" in wrong.body.decode()


async def test_a_key_expires(system: System, admin: Visitor) -> None:
    past = await admin.send("POST", KEYS, {"name": "x", "expiresAt": iso(NOON)})
    assert past.status == 400
    beyond = await admin.send("POST", KEYS, {"name": "x", "expiresAt": "9999-12-31T23:59:59-01:00"})
    assert (beyond.status, beyond.json["error"]) == (400, "Validation error")
    until = system.clock.now() + timedelta(hours=1)
    key = (await make(admin, expiresAt=iso(until)))["key"]
    assert await status(system, key) == 200
    system.clock.advance(3600)
    assert await status(system, key) == 401


async def test_a_revoked_key_is_rejected_immediately_and_frees_its_name(system: System, admin: Visitor) -> None:
    made = await make(admin)
    assert await status(system, made["key"]) == 200
    assert (await admin.send("DELETE", f"{KEYS}/{made['id']}")).json == {"success": True}
    answer = await system.execute({}, key=made["key"])
    assert (answer.status, answer.json) == (401, {"error": "Invalid API key"})
    deleted = await admin.send("DELETE", f"{KEYS}/{made['id']}")
    assert (deleted.status, deleted.json["error"]) == (404, "API key not found")
    await make(admin)


async def test_many_are_revoked_together(system: System, admin: Visitor) -> None:
    made = [await make(admin, name) for name in ("a", "b", "c")]
    wanted = {"keys": [made[0]["id"], made[1]["id"], "no such key"]}
    answer = await admin.send("DELETE", KEYS, wanted)
    assert answer.json == {"success": True, "deletedCount": 2}
    assert [await status(system, key["key"]) for key in made] == [401, 401, 200]


async def test_a_rotated_key_stays_valid_for_the_overlap(system: System, admin: Visitor) -> None:
    old = await make(admin, scopes=["deploy"])
    answer = await admin.send("POST", f"{KEYS}/{old['id']}/rotate", {"overlapSeconds": 60})
    new = answer.json["key"]
    assert (new["name"], new["scopes"]) == ("ci", ["deploy"])
    assert new["id"] != old["id"]
    deploys = "/api/workflows/W/deploy"
    assert [await status(system, key["key"], "POST", deploys) for key in (old, new)] == [200, 200]
    assert (await admin.send("POST", f"{KEYS}/{old['id']}/rotate", {})).status == 400
    system.clock.advance(60)
    assert [await status(system, key["key"], "POST", deploys) for key in (old, new)] == [401, 200]


async def test_rotation_without_overlap_ends_the_old_key_immediately(system: System, admin: Visitor) -> None:
    old = await make(admin)
    assert await status(system, old["key"]) == 200
    await admin.send("POST", f"{KEYS}/{old['id']}/rotate", {})
    assert await status(system, old["key"]) == 401


async def test_also_at_a_gateway_whose_clock_is_slow(system: System, admin: Visitor) -> None:
    old = await make(admin)
    await admin.send("POST", f"{KEYS}/{old['id']}/rotate", {})
    system.clock.advance(-60)
    assert await status(system, old["key"]) == 401


@pytest.mark.parametrize("role", [Role.READ, Role.WRITE])
async def test_only_admins_make_keys_of_the_workspace(system: System, role: Role) -> None:
    visitor = await Visitor.with_role(system, role)
    answer = await visitor.send("POST", KEYS, {"name": "x"})
    assert (answer.status, answer.json["error"]) == (403, "Forbidden")
    assert (await visitor.send("GET", KEYS)).status == 200, "masked, they are no secret of the workspace"


class TestPersonalKeys:
    async def test_they_do_what_their_user_may_in_every_workspace(self, system: System) -> None:
        visitor = await Visitor.with_role(system, Role.READ)
        system.tenants.join("WS2", "u-read", Role.ADMIN)
        system.deployments.put("X", workspace_id="WS2")
        key = (await make(visitor, path=MINE, scopes=["admin"]))["key"]
        assert (await system.execute({}, key=key)).status == 200
        assert (await system.execute({}, key=key, workflow="X")).status == 200
        deploys = [await status(system, key, "POST", f"/api/workflows/{each}/deploy") for each in ("W", "X")]
        assert deploys == [403, 200]

    async def test_a_workspace_may_forbid_personal_keys(self, system: System, admin: Visitor) -> None:
        key = (await make(admin, path=MINE))["key"]
        assert (await admin.send("PATCH", "/api/workspaces/WS1", {"allowPersonalApiKeys": False})).status == 200
        system.clock.advance(1)
        answer = await system.execute({}, key=key)
        assert (answer.status, answer.json) == (
            403,
            {"error": "Personal API keys are not allowed for this workspace"},
        )
        again = await system.send("PATCH", "/api/workspaces/WS1", {"allowPersonalApiKeys": True}, key=key)
        assert again.status == 403, "whom it keeps out does not take it back"
        assert (await admin.send("PATCH", "/api/workspaces/WS1", {"allowPersonalApiKeys": True})).status == 200

    async def test_personal_keys_keep_working_in_other_workspaces(self, system: System, admin: Visitor) -> None:
        key = (await make(admin, path=MINE))["key"]
        system.tenants.join("WS2", "u-admin", Role.READ)
        assert (await admin.send("PATCH", "/api/workspaces/WS1", {"allowPersonalApiKeys": False})).status == 200
        system.clock.advance(1)
        listed = (await system.get("/api/workspaces", key=key)).json["workspaces"]
        assert [each["id"] for each in listed] == ["WS2"]
        assert await status(system, key) == 200, "a workspace that takes it is the one meant where none is named"
        assert await status(system, key, path="/api/workflows?workspaceId=WS1") == 403
        assert len((await admin.get("/api/workspaces"))["workspaces"]) == 2, "who is signed in is no key"

    async def test_they_are_their_users_business_alone(self, system: System, admin: Visitor) -> None:
        made = await make(admin, path=MINE)
        other = await Visitor.with_role(system, Role.ADMIN, "other")
        assert (await other.get(MINE))["keys"] == []
        assert (await other.send("DELETE", f"{MINE}/{made['id']}")).status == 404
        assert (await system.get(MINE)).status == 403
        clash = await admin.send("POST", MINE, {"name": "ci"})
        assert clash.json["error"].startswith('A personal API key named "ci" already exists.')

    async def test_they_end_with_the_membership(self, system: System, admin: Visitor) -> None:
        visitor = await Visitor.with_role(system, Role.READ)
        key = (await make(visitor, path=MINE))["key"]
        await admin.send("DELETE", "/api/workspaces/WS1/members/u-read")
        system.clock.advance(1)
        assert (await system.execute({}, key=key)).status == 403
