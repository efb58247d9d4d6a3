"""Statistics over time, from the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome

from jobs_service.bootstrap import runs as bootstrap
from shared.contracts.logs import FindLogs
from shared.contracts.messages import RunRecorded
from shared.contracts.runs import RunMode, RunStatus, SnapshotRef, Trigger, Usage
from shared.contracts.statistics import FindRunSeries, LastRun, RunSeries
from shared.errors import InvalidRequest


@pytest.fixture(autouse=True)
def _quick_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "STATISTICS_SECONDS", 0.05)


def recorded(run_id: str, *, minutes_ago: int = 0, duration_ms: float = 100.0, **fields: Any) -> RunRecorded:
    """Return the record of a run that was requested so long ago."""
    snapshot = SnapshotRef(WORKSPACE, fields.pop("workflow", WORKFLOW), "0" * 64, version=fields.pop("version", 3))
    spec = a_spec(run_id, mode=RunMode.SYNC, snapshot=snapshot, trigger=fields.pop("trigger", Trigger.API))
    started = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    outcome = msgspec.structs.replace(
        an_outcome(fields.pop("status", RunStatus.COMPLETED)),
        started_at=started,
        ended_at=started + timedelta(milliseconds=duration_ms),
        duration_ms=duration_ms,
    )
    return RunRecorded(spec, outcome, usage=Usage(6, 4, 0.5), **fields)


async def series(system: System, *, by_workflow: bool = False, hours: int = 24, **filters: Any) -> RunSeries:
    query = FindRunSeries(
        runs=FindLogs(workspace_id=WORKSPACE, **filters),
        since=datetime.now(UTC) - timedelta(hours=hours),
        by_workflow=by_workflow,
    )
    return await system.gateway.client.call("POST", "/internal/statistics/search", body=query, returns=RunSeries)


async def counted(system: System, runs: int) -> RunSeries:
    """Return the statistics once they contain this many runs."""

    async def has_counted() -> bool:
        return (await series(system)).totals.runs == runs

    await until(has_counted)
    return await series(system)


async def test_runs_of_both_kinds_are_counted_with_duration_tokens_and_cost(system: System) -> None:
    await system.executor.record(
        recorded("quick"),
        recorded("slow", duration_ms=5_000.0, minutes_ago=60, status=RunStatus.FAILED),
        recorded("draft", version=None, trigger=Trigger.MANUAL, workflow="workflow-2"),
    )
    await system.gateway.accept(a_spec("queued"))
    granted = await system.executor.begin()
    await system.executor.finish("queued", granted.attempt, usage=Usage(1, 1, 0.25))
    found = await counted(system, 4)

    assert (found.totals.errors, found.totals.tokens, found.totals.cost_usd) == (1, 32, 1.75)
    assert found.totals.p95_ms == pytest.approx(5_000, rel=0.06)
    assert sorted(bucket.runs for bucket in found.buckets if bucket.runs) == [1, 3]
    assert (await series(system, draft=True)).totals.runs == 1
    assert (await series(system, versions=(3,))).totals.runs == 3
    assert (await series(system, workflow_ids=("workflow-2",))).totals.runs == 1
    assert (await series(system, triggers=("api",), status=RunStatus.FAILED)).totals.runs == 1


@pytest.mark.parametrize("hours", [1, 12, 96, 30 * 24])
async def test_every_resolution_counts_the_same_runs(system: System, hours: int) -> None:
    await system.executor.record(recorded("one"), recorded("two", minutes_ago=1))
    await counted(system, 2)
    assert (await series(system, hours=hours)).totals.runs == 2


async def test_later_runs_are_added_to_stored_intervals(system: System) -> None:
    await system.executor.record(recorded("one"))
    await counted(system, 1)
    await system.executor.record(recorded("two", duration_ms=200.0))
    found = await counted(system, 2)
    assert (found.totals.tokens, found.totals.cost_usd) == (20, 1.0)


async def test_a_record_that_arrives_twice_is_counted_once(system: System) -> None:
    record = recorded("twice")
    await system.executor.record(record)
    await counted(system, 1)
    await system.executor.record(record)
    await system.executor.record(recorded("other"))
    await counted(system, 2)


async def test_other_filters_count_single_runs(system: System) -> None:
    await system.executor.record(recorded("quick"), recorded("slow", duration_ms=5_000.0))
    await counted(system, 2)
    found = await series(system, min_duration_ms=1_000)
    assert (found.totals.runs, found.totals.cost_usd) == (1, 0.5)


async def test_the_last_run_of_each_workflow_is_known_without_a_range(system: System) -> None:
    await system.executor.record(
        recorded("older", minutes_ago=3 * 24 * 60),
        recorded("newer", minutes_ago=2 * 24 * 60, status=RunStatus.FAILED),
    )

    async def is_counted() -> bool:
        return bool((await series(system, by_workflow=True)).workflows)

    await until(is_counted)
    await system.executor.record(recorded("late", minutes_ago=4 * 24 * 60))

    async def has_all() -> bool:
        return (await series(system, hours=240)).totals.runs == 3

    await until(has_all)
    (workflow,) = (await series(system, by_workflow=True)).workflows
    assert (workflow.workflow_id, workflow.totals.runs) == (WORKFLOW, 0)
    assert workflow.last_run == LastRun("newer", RunStatus.FAILED)


async def test_an_invalid_range_is_refused(system: System) -> None:
    with pytest.raises(InvalidRequest):
        await series(system, hours=-1)


async def test_statistics_report_that_runs_before_an_upgrade_are_missing(start: Start) -> None:
    async with start() as old:
        await old.executor.record(recorded("old"))
        await counted(old, 1)
        assert (await series(old)).counted_from is None
        await old.collection("run_intervals").delete_many({})  # as an earlier version left it
    async with start() as new:
        assert (await series(new)).counted_from is not None
