"""Reading, listing and deleting runs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import pytest
from tests.integration.jobs.conftest import Start
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome

from jobs_service.bootstrap import INDEXES
from shared.contracts.jobs import RunPage
from shared.contracts.runs import RunOutcome, RunStatus, SnapshotRef
from shared.errors import InvalidRequest, NotFound, RunIdTaken
from shared.store.expiry import Lifetime


async def page(system: System, **query: object) -> RunPage:
    known = {"workspace_id": WORKSPACE, "workflow_id": WORKFLOW} | query
    parameters = "&".join(f"{name}={quote(str(value))}" for name, value in known.items() if value is not None)
    return await system.gateway.client.call("GET", f"/internal/runs?{parameters}", returns=RunPage)


async def all_pages(system: System, limit: int) -> list[str]:
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        found = await page(system, limit=limit, cursor=cursor or None)
        assert len(found.runs) <= limit
        listed += [run.run_id for run in found.runs]
        cursor = found.next_cursor
    return listed


async def test_an_unknown_job_or_run_is_not_found(system: System) -> None:
    with pytest.raises(NotFound):
        await system.gateway.job("run_00000000000000000000")
    with pytest.raises(NotFound):
        await system.gateway.run("nobody")


async def test_concurrent_readers_each_get_their_own_run(system: System) -> None:
    ids = [f"run-{n}" for n in range(40)]
    jobs = {run_id: (await system.gateway.accept(a_spec(run_id))).job_id for run_id in ids}
    outputs = {run_id: f'{{"of":"{run_id}"}}'.encode() for run_id in ids}
    for _ in ids:
        await system.executor.begin()
    for run_id in ids:
        await system.executor.finish(run_id, 1, an_outcome(output=outputs[run_id]))

    strangers = [f"run_{n:020x}" for n in range(10)]
    questions = [system.gateway.job(job_id) for job_id in (*jobs.values(), *strangers)]
    questions += [system.gateway.run(run_id, f"?output={shown}") for shown in ("true", "false") for run_id in ids]
    answers = await asyncio.gather(*questions, return_exceptions=True)

    by_job, missing, with_output, without = answers[:40], answers[40:50], answers[50:90], answers[90:]
    assert all(isinstance(each, NotFound) for each in missing)
    for found in (by_job, with_output, without):
        assert [getattr(run, "run_id", run) for run in found] == ids
    for found in (by_job, with_output):
        assert [bytes(run.output.inline) for run in cast("list[Any]", found)] == list(outputs.values())
    assert all(run.output is None for run in cast("list[Any]", without))


async def test_a_run_unreadable_to_this_version_blocks_no_other(system: System) -> None:
    unreadable, *others = [(await system.gateway.accept()).run_id for _ in range(8)]
    later_version = {"$set": {"trigger": "of a later version"}}
    await system.collection("runs").update_one({"_id": unreadable}, later_version)

    questions = [system.gateway.run(run_id) for run_id in (unreadable, *others)]
    failed, *answers = await asyncio.gather(*questions, return_exceptions=True)

    assert isinstance(failed, Exception)
    assert [getattr(run, "run_id", run) for run in answers] == others


async def test_a_run_of_another_workspace_is_not_found(system: System) -> None:
    accepted = await system.gateway.accept()

    assert await system.gateway.run(accepted.run_id, f"?workspace_id={WORKSPACE}")
    with pytest.raises(NotFound):
        await system.gateway.run(accepted.run_id, "?workspace_id=another")


async def test_runs_are_listed_newest_first_in_pages_without_gaps(start: Start) -> None:
    async with start() as system:
        ids = [(await system.gateway.accept()).run_id for _ in range(7)]
        await system.gateway.accept(a_spec(workspace_id="another"))

        listed = await all_pages(system, limit=3)
        assert listed == ids[::-1]


async def test_runs_stored_in_one_batch_are_listed_once_each(start: Start) -> None:
    async with start() as system:
        accepted = await asyncio.gather(*(system.gateway.accept() for _ in range(30)))
        seen = await all_pages(system, limit=7)
        assert sorted(seen) == sorted(each.run_id for each in accepted)


async def test_runs_are_listed_by_workflow_and_by_status(system: System) -> None:
    done = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.finish(done.run_id, 1)
    other = SnapshotRef(workspace_id=WORKSPACE, workflow_id="workflow-2", snapshot_hash="0" * 64)
    elsewhere = await system.gateway.accept(a_spec(snapshot=other))

    assert [run.run_id for run in (await page(system)).runs] == [done.run_id]
    assert [run.run_id for run in (await page(system, workflow_id=None)).runs] == [elsewhere.run_id, done.run_id]
    assert [run.run_id for run in (await page(system, status="completed")).runs] == [done.run_id]
    assert (await page(system, status="failed")).runs == ()


@pytest.mark.parametrize(
    "query", [{"cursor": "nonsense"}, {"cursor": f"{'9' * 40}.x"}, {"limit": 0}, {"limit": 201}, {"status": "odd"}]
)
async def test_a_query_that_makes_no_sense_is_refused(system: System, query: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        await page(system, **query)


async def test_an_ended_run_is_forgotten_after_its_retention(start: Start) -> None:
    async with start(job_retention_seconds=60) as system:
        await system.executor.listen()
        accepted = await system.gateway.accept(a_spec("mine"))
        await system.executor.begin()
        await system.executor.finish("mine", 1)
        assert (await system.gateway.job(accepted.job_id)).status is RunStatus.COMPLETED

        await system.collection("runs").update_one(
            {"_id": "mine"}, {"$set": {"expires_at": datetime.now(UTC) - timedelta(hours=1)}}
        )
        with pytest.raises(NotFound):
            await system.gateway.job(accepted.job_id)
        with pytest.raises(NotFound):
            await system.gateway.run("mine")
        assert (await page(system)).runs == ()


async def test_a_run_with_longer_log_retention_leaves_the_run_list_with_its_result(system: System) -> None:
    accepted = await system.gateway.accept(a_spec("mine", log_retention_ms=7 * 24 * 3_600_000))
    await system.executor.begin()
    await system.executor.finish("mine", 1)
    assert [run.run_id for run in (await page(system)).runs] == ["mine"]

    await system.collection("runs").update_one({"_id": "mine"}, {"$set": {"result_until_ms": 1}})
    assert (await page(system)).runs == ()
    with pytest.raises(NotFound):
        await system.gateway.job(accepted.job_id)


async def test_a_days_retention_is_written_into_the_document_that_expires(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.finish(accepted.run_id, 1)

    stored = await system.collection("runs").find_one({"_id": accepted.run_id})
    ended_at = (await system.gateway.run(accepted.run_id)).ended_at
    assert stored is not None
    assert stored["expires_at"] - ended_at == timedelta(hours=24)
    assert Lifetime("runs", "expires_at", 0) in [index.lifetime for index in INDEXES]


async def test_an_id_stays_used_as_long_as_its_run_is_stored(system: System) -> None:
    await system.gateway.accept(a_spec("mine"))
    await system.executor.begin()
    await system.executor.finish("mine", 1)

    with pytest.raises(RunIdTaken):
        await system.gateway.accept(a_spec("mine"))


@pytest.mark.parametrize("skew", [timedelta(minutes=-5), timedelta(minutes=5)])
async def test_a_worker_with_a_wrong_clock_does_not_bend_the_times_of_a_run(system: System, skew: timedelta) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    right = an_outcome()
    wrong = RunOutcome(
        status=right.status,
        output=right.output,
        started_at=right.started_at + skew,
        ended_at=right.ended_at + skew,
        duration_ms=1.0,
    )
    await system.executor.finish(accepted.run_id, 1, wrong)

    run = await system.gateway.run(accepted.run_id)
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.started_at <= run.ended_at
    assert abs(run.ended_at - right.ended_at) < timedelta(minutes=1)
