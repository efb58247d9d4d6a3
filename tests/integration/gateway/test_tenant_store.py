"""Keys and workspaces in a real store."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from tests.support.gateway.people import PlainPasswords

from gateway.access.credentials import Scope
from gateway.access.models import Role
from gateway.access.plans import PlanName
from gateway.database import TenantStore
from gateway.deletion.store import Erasure
from gateway.first_key import make_first_key
from gateway.first_start import FirstKey, FirstStart
from gateway.settings import GatewaySettings
from shared.clock import SystemClock
from shared.contracts.erasure import Erase
from shared.errors import Conflict, Unavailable
from shared.security.api_keys import hash_key


async def founded(tenants: TenantStore) -> FirstKey:
    printed: list[FirstKey] = []
    await FirstStart(tenants, PlainPasswords(), SystemClock(), PlanName.PRO, on_key=printed.append).start()
    return printed[0]


async def test_a_key_opens_its_workspace(tenants: TenantStore) -> None:
    first = await founded(tenants)
    credential = await tenants.find(hash_key(first.api_key))
    assert credential is not None
    assert credential.grants[0].workspace.id == first.workspace_id
    assert credential.grants[0].workspace.plan is PlanName.PRO
    assert credential.key.scopes == frozenset(Scope)
    assert await tenants.find(hash_key("other")) is None


async def test_the_system_is_founded_once(tenants: TenantStore) -> None:
    first = FirstStart(tenants, PlainPasswords(), SystemClock(), PlanName.PRO)
    founded = await first.first_workspace()
    assert [await first.first_workspace() for _ in range(3)] == [founded] * 3
    team = await tenants.team(founded[0].id)
    assert [(member.user_id, member.role) for member in team.members] == [(founded[1].user.id, Role.ADMIN)]


async def test_the_time_of_last_use_never_decreases(tenants: TenantStore) -> None:
    first = await founded(tenants)
    credential = await tenants.find(hash_key(first.api_key))
    assert credential is not None
    now = SystemClock().now().replace(microsecond=0)
    await tenants.record_uses({credential.key.id: now})
    await tenants.record_uses({credential.key.id: now - timedelta(hours=1)})
    used = await tenants.find(hash_key(first.api_key))
    assert used is not None
    assert used.key.last_used_at == now


async def test_a_key_is_stored_once(tenants: TenantStore) -> None:
    first = await founded(tenants)
    credential = await tenants.find(hash_key(first.api_key))
    assert credential is not None
    with pytest.raises(Conflict):
        await tenants.add_key(msgspec.structs.replace(credential.key, id="again"))


async def test_a_key_is_given_another_name_and_limit_but_not_the_name_of_another(tenants: TenantStore) -> None:
    first = await founded(tenants)
    credential = await tenants.find(hash_key(first.api_key))
    assert credential is not None
    await tenants.add_key(msgspec.structs.replace(credential.key, id="second", key_hash="second", name="second"))
    with pytest.raises(Conflict):
        await tenants.change_key("second", {"name": credential.key.name})
    await tenants.change_key("second", {"name": "third"})
    changed = await tenants.change_key("second", {"rate_limit": 7})
    assert changed is not None
    assert (changed.name, changed.rate_limit) == ("third", 7)
    assert await tenants.key("second") == changed
    assert await tenants.revoke_key("second", SystemClock().now())
    assert await tenants.change_key("second", {"name": "fourth"}) is None


async def test_a_key_that_changed_since_it_was_read_is_not_replaced(tenants: TenantStore) -> None:
    first = await founded(tenants)
    credential = await tenants.find(hash_key(first.api_key))
    assert credential is not None
    old, replace = credential.key, msgspec.structs.replace
    retired = replace(old, holds_name=False)
    limited = await tenants.change_key(old.id, {"rate_limit": 7})
    assert limited is not None
    assert not await tenants.replace_key(old, retired, replace(old, id="new", key_hash="new"))
    assert (await tenants.key("new"), await tenants.key(old.id)) == (None, limited)
    retired = replace(limited, holds_name=False)
    assert await tenants.replace_key(limited, retired, replace(limited, id="new", key_hash="new"))
    assert not await tenants.replace_key(limited, retired, replace(limited, id="other", key_hash="other"))
    left = await tenants.keys_of(workspace_id=first.workspace_id, user_id=None)
    assert {key.id: key.holds_name for key in left} == {old.id: False, "new": True}


async def test_a_deletion_is_identified_by_its_target(tenants: TenantStore) -> None:
    owner, now = Erase("WS1", "W"), SystemClock().now()
    assert not await tenants.has_erasure(owner)
    await tenants.save_erasure(Erasure.of(owner, by="somebody", at=now, settle=timedelta(hours=1)))
    assert await tenants.has_erasure(owner)
    assert not await tenants.has_erasure(Erase("WS1"))


async def test_of_two_claims_of_a_deletion_one_succeeds(tenants: TenantStore) -> None:
    now = SystemClock().now()
    await tenants.save_erasure(Erasure.of(Erase("WS1", "W"), by="somebody", at=now, settle=timedelta(hours=1)))
    (due,) = await tenants.due_erasures(now, 10)
    claimed = msgspec.structs.replace(due, due_at=now + timedelta(minutes=2))
    claims = await asyncio.gather(*(tenants.replace_erasure(due, claimed) for _ in range(5)))
    assert sorted(claims) == [False] * 4 + [True]
    assert await tenants.due_erasures(now, 10) == []
    assert await tenants.replace_erasure(claimed, due.after_round(7, has_more=True, now=now))
    (found,) = await tenants.due_erasures(now, 10)
    assert found.documents == 7


async def test_the_command_creates_a_key_beside_others(
    tenants: TenantStore, mongodb_uri: str, mongodb_prefix: str
) -> None:
    first = await founded(tenants)
    made = await make_first_key(GatewaySettings(mongodb_uri=mongodb_uri, mongodb_prefix=mongodb_prefix))
    assert made.workspace_id == first.workspace_id
    assert await tenants.find(hash_key(made.api_key)) is not None


async def test_an_unavailable_store_is_reported_as_such(tenants: TenantStore) -> None:
    await tenants.stop()
    with pytest.raises(Unavailable):
        await tenants.find("x")
