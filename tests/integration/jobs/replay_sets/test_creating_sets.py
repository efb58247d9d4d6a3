"""Replay sets are created once, of recorded runs, and a bounded number at a time."""

import asyncio

import msgspec
import pytest
from tests.support.jobs.replay_sets import a_set, record
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System

from jobs_service.replay_sets.documents import REPLAY_SETS
from jobs_service.replay_sets.repository import MAX_OPEN_SETS
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.replay_sets import ReplaySet
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import new_id, new_run_id, run_key


async def test_a_repeated_request_returns_the_first_set(system: System, replays: HttpReplaySetClient) -> None:
    await record(system, "R1")
    request = a_set(fingerprint="a")
    first = await replays.create(request)
    assert (await replays.create(request)).id == first.id
    with pytest.raises(Conflict):
        await replays.create(msgspec.structs.replace(request, fingerprint="b"))
    assert len(await system.collection(REPLAY_SETS).find({}).to_list()) == 1


async def test_of_two_simultaneous_requests_with_one_id_the_second_is_refused_or_returns_the_same_set(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1", "R2", "R3")
    for _ in range(5):
        one = a_set(fingerprint="a", last=1)
        other = msgspec.structs.replace(one, fingerprint="b", last=3)
        answers = await asyncio.gather(*map(replays.create, (one, other, one)), return_exceptions=True)
        created = [each for each in answers if isinstance(each, ReplaySet)]
        refused = [each for each in answers if isinstance(each, Conflict)]
        assert (len(created), len(refused)) in ((2, 1), (1, 2))
        page = await replays.runs(WORKSPACE, WORKFLOW, one.id, verdict=None, limit=10, cursor=None)
        assert {each.total for each in created} == {len(page.runs)}


async def test_a_set_needs_recorded_runs(system: System, replays: HttpReplaySetClient) -> None:
    with pytest.raises(InvalidRequest, match="no recorded runs"):
        await replays.create(a_set())
    with pytest.raises(NotFound, match="R9"):
        await replays.create(a_set(run_ids=(f"R9@{WORKSPACE}",)))


async def test_a_set_replays_the_runs_that_it_names(system: System, replays: HttpReplaySetClient) -> None:
    names = [new_run_id(), "R1", new_run_id(), new_id()]
    await record(system, *names, new_run_id())
    created = await replays.create(a_set(run_ids=tuple(run_key(WORKSPACE, name) for name in names)))
    page = await replays.runs(WORKSPACE, WORKFLOW, created.id, verdict=None, limit=10, cursor=None)
    assert [each.run_id for each in page.runs] == names


async def test_a_workspace_has_a_bounded_number_of_sets_in_progress(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    first = a_set()
    await replays.create(first)
    for _ in range(MAX_OPEN_SETS - 1):
        await replays.create(a_set())
    with pytest.raises(Conflict, match="in progress"):
        await replays.create(a_set())
    assert (await replays.create(first)).id == first.id
    await replays.cancel(WORKSPACE, WORKFLOW, first.id)
    await replays.create(a_set())


async def test_sets_are_listed_newest_first_and_only_in_their_workflow(
    system: System, replays: HttpReplaySetClient
) -> None:
    await record(system, "R1")
    sets = [await replays.create(a_set()) for _ in range(3)]
    first = await replays.page(WORKSPACE, WORKFLOW, limit=2, cursor=None)
    rest = await replays.page(WORKSPACE, WORKFLOW, limit=2, cursor=first.next_cursor)
    assert [each.id for each in (*first.sets, *rest.sets)] == [each.id for each in reversed(sets)]
    for workspace_id, workflow_id in (("other", WORKFLOW), (WORKSPACE, "other")):
        with pytest.raises(NotFound):
            await replays.get(workspace_id, workflow_id, sets[0].id)
        assert (await replays.page(workspace_id, workflow_id, limit=2, cursor=None)).sets == ()
