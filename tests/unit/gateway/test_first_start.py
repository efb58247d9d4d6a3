"""A new system begins with a workspace, an admin and a key that is told once."""

from tests.unit.gateway.fakes import FakeTenants, HandClock
from tests.unit.gateway.people import PlainPasswords

from gateway.application.first_start import FirstKey, FirstStart
from gateway.domain.credentials import ALL_SCOPES
from gateway.domain.plans import PlanName
from shared.security.keys import hash_key


async def test_the_key_is_told_and_only_its_hash_is_kept() -> None:
    tenants, told = FakeTenants(), list[FirstKey]()
    await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO, tell_key=told.append).start()
    (first,) = told
    kept = tenants.keys[hash_key(first.api_key)]
    assert kept.scopes == ALL_SCOPES
    assert kept.workspace_id == first.workspace_id
    assert first.api_key not in repr(kept)


async def test_a_second_start_tells_nothing() -> None:
    tenants, told = FakeTenants(), list[FirstKey]()
    for _ in range(2):
        await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO, tell_key=told.append).start()
    assert len(told) == 1


async def test_without_somebody_to_tell_no_key_is_made() -> None:
    tenants = FakeTenants()
    await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO).start()
    assert tenants.keys == {}


async def test_a_key_that_could_not_be_told_opens_nothing() -> None:
    tenants = FakeTenants()

    def fails(first: FirstKey) -> None:
        raise OSError("disk full")

    try:
        await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO, tell_key=fails).start()
    except OSError:
        assert tenants.keys == {}
