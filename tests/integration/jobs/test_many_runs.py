"""Bulk operations on runs: listed by state and age, and cancelled together."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, asks

from jobs_service import cancels as cancelling_all
from shared.contracts.jobs import CancelledRuns, CancelRuns, RunFilter, RunPage
from shared.contracts.runs import RunStatus, SnapshotRef


async def runs(system: System, **query: str) -> set[str]:
    path = "/internal/runs?" + urlencode({"workspace_id": WORKSPACE, "workflow_id": WORKFLOW, **query})
    page = await system.gateway.client.call("GET", path, returns=RunPage)
    return {run.run_id for run in page.runs}


async def cancel_all(system: System, only: RunFilter) -> CancelledRuns:
    body = CancelRuns(WORKSPACE, WORKFLOW, only)
    return await system.gateway.client.call("POST", "/internal/runs/cancel", body=body, returns=CancelledRuns)


async def one_of_each(system: System) -> dict[str, str]:
    """Create runs in four states: in progress, paused, ended and queued."""
    names = {}
    for name in ("at work", "paused", "over"):
        names[name] = (await system.gateway.accept()).run_id
        assert (await system.executor.begin()).run.run_id == names[name]
    await system.executor.pause(names["paused"], 1, asks())
    await system.executor.finish(names["over"], 1)
    names["queued"] = (await system.gateway.accept()).run_id
    return names


async def test_runs_are_listed_by_status(system: System) -> None:
    names = await one_of_each(system)

    assert await runs(system, status="paused") == {names["paused"]}
    assert await runs(system, status="processing") == {names["at work"]}
    assert await runs(system) == set(names.values())


async def test_runs_are_listed_by_time(system: System) -> None:
    first, second = await system.gateway.accept(), await system.gateway.accept()
    between = second.created_at
    if first.created_at == between:
        between += timedelta(milliseconds=1)
        second = await system.gateway.accept()

    assert first.run_id in await runs(system, until=between.isoformat())
    assert second.run_id in await runs(system, since=between.isoformat())
    assert first.run_id not in await runs(system, since=between.isoformat())


async def test_bulk_cancel_cancels_every_unfinished_run(system: System) -> None:
    names = await one_of_each(system)
    other = SnapshotRef(WORKSPACE, "workflow-2", "0" * 64)
    stranger = await system.gateway.accept(a_spec(snapshot=other))

    done = await cancel_all(system, RunFilter())

    assert (set(done.run_ids), done.has_more) == (set(names.values()) - {names["over"]}, False)
    assert (await system.gateway.run(names["paused"])).status is RunStatus.CANCELLED
    assert (await system.gateway.run(names["queued"])).status is RunStatus.CANCELLED
    assert await system.executor.renew(names["at work"], 1), "its worker is asked to stop"
    assert (await system.gateway.run(stranger.run_id)).status is RunStatus.QUEUED


async def test_repeating_a_bulk_cancel_continues_with_the_remaining_runs(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling_all, "AT_ONCE", 1)
    in_progress = {(await system.gateway.accept()).run_id for _ in range(2)}
    for _ in in_progress:
        await system.executor.begin()

    first, second, third = [await cancel_all(system, RunFilter()) for _ in range(3)]

    assert set(first.run_ids + second.run_ids) == in_progress
    assert [first.has_more, second.has_more] == [True, False]
    assert third == CancelledRuns((), has_more=False), "they were asked to stop already"


async def test_only_the_runs_that_are_meant_are_cancelled(system: System) -> None:
    names = await one_of_each(system)
    done = await cancel_all(system, RunFilter(RunStatus.PAUSED))

    assert done.run_ids == (names["paused"],)
    assert await cancel_all(system, RunFilter(RunStatus.COMPLETED)) == CancelledRuns((), has_more=False)
