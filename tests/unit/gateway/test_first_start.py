"""A new system starts with a workspace, an admin and a key that is shown once."""

from tests.support.gateway.clock import HandClock
from tests.support.gateway.people import PlainPasswords
from tests.support.gateway.tenants import FakeTenants

from gateway.access.credentials import ALL_SCOPES
from gateway.access.models import Role
from gateway.access.plans import PlanName
from gateway.first_start import FirstKey, FirstPassword, FirstStart
from shared.security.api_keys import hash_key


async def test_the_key_is_shown_and_only_its_hash_is_stored() -> None:
    tenants, printed = FakeTenants(), list[FirstKey]()
    await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO, on_key=printed.append).start()
    (first,) = printed
    stored = tenants.keys[hash_key(first.api_key)]
    assert stored.scopes == ALL_SCOPES
    assert stored.workspace_id == first.workspace_id
    assert first.api_key not in repr(stored)


async def test_a_second_start_prints_nothing() -> None:
    tenants, printed = FakeTenants(), list[FirstKey]()
    for _ in range(2):
        await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO, on_key=printed.append).start()
    assert len(printed) == 1


async def test_without_an_output_no_key_is_created() -> None:
    tenants = FakeTenants()
    await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO).start()
    assert tenants.keys == {}


async def test_an_unprintable_key_is_invalid() -> None:
    tenants = FakeTenants()

    def fails(first: FirstKey) -> None:
        raise OSError("disk full")

    try:
        await FirstStart(tenants, PlainPasswords(), HandClock(), PlanName.PRO, on_key=fails).start()
    except OSError:
        assert tenants.keys == {}


async def started(tenants: FakeTenants, password: str = "", printed: list[FirstPassword] | None = None) -> None:
    first = FirstStart(
        tenants,
        PlainPasswords(),
        HandClock(),
        PlanName.PRO,
        admin_email="boss@example.com",
        admin_password=password,
        on_password=None if printed is None else printed.append,
    )
    await first.start()


async def test_the_admin_gets_the_password_of_the_settings_once() -> None:
    tenants, printed = FakeTenants(), list[FirstPassword]()
    await started(tenants, "chosen", printed)
    await started(tenants, "another", printed)
    (account,) = tenants.accounts.values()
    assert (account.user.email, account.password_hash) == ("boss@example.com", "hash of chosen")
    assert printed == []
    assert tenants.teams["WS1"].role_of(account.user.id) is Role.ADMIN


async def test_without_a_password_one_is_generated_and_shown_once() -> None:
    tenants, printed = FakeTenants(), list[FirstPassword]()
    for _ in range(2):
        await started(tenants, printed=printed)
    (first,) = printed
    (account,) = tenants.accounts.values()
    assert account.password_hash == f"hash of {first.password}"
    assert len(first.password) >= 20


async def test_without_an_output_no_person_can_sign_in_yet() -> None:
    tenants = FakeTenants()
    await started(tenants)
    (account,) = tenants.accounts.values()
    assert account.password_hash is None
