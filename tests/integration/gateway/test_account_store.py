"""People, sessions, members and invitations in a real store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.access.domain.accounts import Account, User
from gateway.access.domain.credentials import Workspace
from gateway.access.domain.membership import Invitation, Role, Team
from gateway.access.domain.plans import PlanName
from gateway.access.domain.sessions import new_session
from gateway.bootstrap.database import INDEXES, TenantStore
from shared.errors import Conflict, NotFound
from shared.store.client import Store

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


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[TenantStore]:
    store = TenantStore(Store(mongodb_uri, f"{mongodb_prefix}_gateway", INDEXES))
    await store.start()
    yield store
    await store.stop()


async def test_an_address_has_one_account(store: TenantStore) -> None:
    await store.add_account(Account(user=ANN, password_hash="h"))
    assert await store.account_by_email("ann@example.com") == Account(user=ANN, password_hash="h")
    with pytest.raises(Conflict):
        await store.add_account(Account(user=User(id="u2", email=ANN.email, name="Ann", created_at=NOW)))
    assert await store.users(["u1", "gone"]) == [ANN]


async def test_a_first_password_is_set_once(store: TenantStore) -> None:
    await store.add_account(Account(user=ANN))
    assert await store.set_password("u1", "first", only_if_none=True)
    assert not await store.set_password("u1", "second", only_if_none=True)
    assert await store.account("u1") == Account(user=ANN, password_hash="first")


async def test_a_session_is_rotated_once_and_ended_with_every_token(store: TenantStore) -> None:
    session = new_session("s1", "old", ANN, LATER, address="127.0.0.1", user_agent="x")
    await store.add_session(session)
    assert await store.session(session.token_hash) == session
    renewed = session.renewed("new", LATER)
    assert await store.rotate_session(session.token_hash, renewed, old_until=LATER)
    assert not await store.rotate_session(session.token_hash, session.renewed("third", LATER), old_until=LATER)
    assert await store.session_with_id("s1") == renewed
    assert sorted(await store.end_session("s1")) == sorted([session.token_hash, renewed.token_hash])
    assert await store.session(renewed.token_hash) is None
    assert await store.session_with_id("s1") is None


async def test_a_session_that_was_ended_is_not_renewed(store: TenantStore) -> None:
    session = new_session("s1", "old", ANN, LATER, address="", user_agent="")
    await store.add_session(session)
    await store.end_sessions("u1")
    renewed = session.renewed("new", LATER)
    assert not await store.rotate_session(session.token_hash, renewed, old_until=LATER)
    assert await store.session(renewed.token_hash) is None


async def test_ending_the_other_sessions_keeps_one(store: TenantStore) -> None:
    for number in ("1", "2"):
        await store.add_session(new_session(number, f"t{number}", ANN, LATER, address="", user_agent=""))
    assert len(await store.end_sessions("u1", but="1")) == 1
    assert len(await store.end_sessions("u1")) == 1


async def test_attempts_are_counted_by_name(store: TenantStore) -> None:
    counts = [await store.count_attempt("a", window_ends=LATER) for _ in range(3)]
    assert counts == [1, 2, 3]
    await store.forget_attempts("a")
    assert await store.count_attempt("a", window_ends=LATER) == 1


async def test_members_change_in_one_write(store: TenantStore) -> None:
    team = Team(workspace_id="w1", revision=0, members=()).joined_by("u1", Role.ADMIN, NOW)
    await store.add_workspace(WORKSPACE, team)
    assert await store.team("w1") == team
    grown = team.joined_by("u2", Role.READ, NOW)
    assert await store.replace_team(grown)
    assert not await store.replace_team(team.joined_by("u3", Role.READ, NOW)), "another change came first"
    (grant,) = await store.grants("u2")
    assert (grant.workspace, grant.role) == (WORKSPACE, Role.READ)
    assert await store.grants("u3") == ()


async def test_a_link_followed_concurrently_admits_one_person(store: TenantStore) -> None:
    team = Team(workspace_id="w1", revision=0, members=()).joined_by("u1", Role.ADMIN, NOW)
    await store.add_workspace(WORKSPACE, team)
    await store.add_invitation(an_invitation())

    async def follow(user_id: str) -> bool:
        while not await store.admit((await store.team("w1")).joined_by(user_id, Role.READ, NOW), "i1", NOW):
            pass
        return True

    answers = await asyncio.gather(*(follow(f"guest-{n}") for n in range(5)), return_exceptions=True)
    assert answers.count(True) == 1
    assert [type(each) for each in answers].count(NotFound) == 4
    assert len((await store.team("w1")).members) == 2


async def test_an_invitation_is_used_once_together_with_joining(store: TenantStore) -> None:
    invitation = an_invitation()
    team = Team(workspace_id="w1", revision=0, members=()).joined_by("u1", Role.ADMIN, NOW)
    await store.add_workspace(WORKSPACE, team)
    await store.add_invitation(invitation)
    assert await store.invitation("t") == invitation
    assert await store.invitations("w1") == [invitation]
    grown = team.joined_by("u2", Role.READ, NOW)
    assert not await store.admit(grown.joined_by("u3", Role.READ, NOW), "i1", NOW), "the team is another one by now"
    assert await store.invitation("t") == invitation
    assert await store.admit(grown, "i1", NOW)
    used = await store.invitation("t")
    assert used is not None
    assert used.used_at == NOW
    with pytest.raises(NotFound):
        await store.admit(grown.joined_by("u3", Role.READ, NOW), "i1", NOW)
    assert await store.team("w1") == grown
    assert not await store.withdraw_invitation("w2", "i1")
    assert await store.withdraw_invitation("w1", "i1")
