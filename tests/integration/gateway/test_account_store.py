"""People, sessions, members and invitations in a real store."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.access.credentials import Workspace
from gateway.access.models import Account, Invitation, Role, Team, User, new_session
from gateway.access.plans import PlanName
from gateway.database import TenantStore
from shared.errors import Conflict, NotFound

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
ANN = User(id="u1", email="ann@example.com", name="Ann", created_at=NOW)
WORKSPACE = Workspace(id="w1", name="One", plan=PlanName.PRO, created_at=NOW)


def an_invitation() -> Invitation:
    return Invitation(
        id="i1",
        workspace_id="w1",
        token_hash="t",
        role=Role.READ,
        created_by="u1",
        created_at=NOW,
        expires_at=LATER,
    )


async def test_an_address_has_one_account(tenants: TenantStore) -> None:
    await tenants.add_account(Account(user=ANN, password_hash="h"))
    assert await tenants.account_by_email("ann@example.com") == Account(user=ANN, password_hash="h")
    with pytest.raises(Conflict):
        await tenants.add_account(Account(user=User(id="u2", email=ANN.email, name="Ann", created_at=NOW)))
    assert await tenants.users(["u1", "gone"]) == [ANN]


async def test_a_first_password_is_set_once(tenants: TenantStore) -> None:
    await tenants.add_account(Account(user=ANN))
    assert await tenants.set_password("u1", "first", only_if_none=True)
    assert not await tenants.set_password("u1", "second", only_if_none=True)
    assert await tenants.account("u1") == Account(user=ANN, password_hash="first")


async def test_a_session_is_rotated_once_and_ended_with_every_token(tenants: TenantStore) -> None:
    session = new_session("s1", "old", ANN, LATER, address="127.0.0.1", user_agent="x")
    await tenants.add_session(session)
    assert await tenants.session(session.token_hash) == session
    renewed = session.renewed("new", LATER)
    assert await tenants.rotate_session(session.token_hash, renewed, old_until=LATER)
    assert not await tenants.rotate_session(session.token_hash, session.renewed("third", LATER), old_until=LATER)
    assert await tenants.session_with_id("s1") == renewed
    assert sorted(await tenants.end_session("s1")) == sorted([session.token_hash, renewed.token_hash])
    assert await tenants.session(renewed.token_hash) is None
    assert await tenants.session_with_id("s1") is None


async def test_a_session_that_was_ended_is_not_renewed(tenants: TenantStore) -> None:
    session = new_session("s1", "old", ANN, LATER, address="", user_agent="")
    await tenants.add_session(session)
    await tenants.end_sessions("u1")
    renewed = session.renewed("new", LATER)
    assert not await tenants.rotate_session(session.token_hash, renewed, old_until=LATER)
    assert await tenants.session(renewed.token_hash) is None


async def test_ending_the_other_sessions_keeps_one(tenants: TenantStore) -> None:
    for number in ("1", "2"):
        await tenants.add_session(new_session(number, f"t{number}", ANN, LATER, address="", user_agent=""))
    assert len(await tenants.end_sessions("u1", but="1")) == 1
    assert len(await tenants.end_sessions("u1")) == 1


async def test_attempts_are_counted_by_name(tenants: TenantStore) -> None:
    counts = [await tenants.count_attempt("a", window_ends=LATER) for _ in range(3)]
    assert counts == [1, 2, 3]
    await tenants.forget_attempts("a")
    assert await tenants.count_attempt("a", window_ends=LATER) == 1


async def test_members_change_in_one_write(tenants: TenantStore) -> None:
    team = Team(workspace_id="w1", revision=0, members=()).joined_by("u1", Role.ADMIN, NOW)
    await tenants.add_workspace(WORKSPACE, team)
    assert await tenants.team("w1") == team
    grown = team.joined_by("u2", Role.READ, NOW)
    assert await tenants.replace_team(grown)
    assert not await tenants.replace_team(team.joined_by("u3", Role.READ, NOW)), "another change came first"
    (grant,) = await tenants.grants("u2")
    assert (grant.workspace, grant.role) == (WORKSPACE, Role.READ)
    assert await tenants.grants("u3") == ()


async def test_a_link_followed_concurrently_admits_one_person(tenants: TenantStore) -> None:
    team = Team(workspace_id="w1", revision=0, members=()).joined_by("u1", Role.ADMIN, NOW)
    await tenants.add_workspace(WORKSPACE, team)
    await tenants.add_invitation(an_invitation())

    async def follow(user_id: str) -> bool:
        while not await tenants.admit((await tenants.team("w1")).joined_by(user_id, Role.READ, NOW), "i1", NOW):
            pass
        return True

    answers = await asyncio.gather(*(follow(f"guest-{n}") for n in range(5)), return_exceptions=True)
    assert answers.count(True) == 1
    assert [type(each) for each in answers].count(NotFound) == 4
    assert len((await tenants.team("w1")).members) == 2


async def test_an_invitation_is_used_once_together_with_joining(tenants: TenantStore) -> None:
    invitation = an_invitation()
    team = Team(workspace_id="w1", revision=0, members=()).joined_by("u1", Role.ADMIN, NOW)
    await tenants.add_workspace(WORKSPACE, team)
    await tenants.add_invitation(invitation)
    assert await tenants.invitation("t") == invitation
    assert await tenants.invitations("w1") == [invitation]
    grown = team.joined_by("u2", Role.READ, NOW)
    assert not await tenants.admit(grown.joined_by("u3", Role.READ, NOW), "i1", NOW), "the team is another one by now"
    assert await tenants.invitation("t") == invitation
    assert await tenants.admit(grown, "i1", NOW)
    used = await tenants.invitation("t")
    assert used is not None
    assert used.used_at == NOW
    with pytest.raises(NotFound):
        await tenants.admit(grown.joined_by("u3", Role.READ, NOW), "i1", NOW)
    assert await tenants.team("w1") == grown
    assert not await tenants.withdraw_invitation("w2", "i1")
    assert await tenants.withdraw_invitation("w1", "i1")
