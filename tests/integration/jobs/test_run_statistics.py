"""Statistics of workflows, for every kind of end."""

from datetime import UTC, datetime
from typing import Any

from tests.support.eventually import until
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome

from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.runs import RunMode, RunStatus
from shared.contracts.statistics import FindRunStatistics, RunStatistics, RunStatisticsList


def began(run_id: str) -> RunBegan:
    return RunBegan(a_spec(run_id, mode=RunMode.SYNC), datetime.now(UTC))


def recorded(run_id: str, status: RunStatus = RunStatus.COMPLETED) -> RunRecorded:
    return RunRecorded(a_spec(run_id, mode=RunMode.SYNC), an_outcome(status))


async def read_counts(system: System, workspace_id: str = WORKSPACE) -> RunStatistics | None:
    query = FindRunStatistics(workspace_id, (WORKFLOW, "another"))
    found = await system.gateway.client.call("POST", "/internal/tallies/search", body=query, returns=RunStatisticsList)
    return found.tallies[0] if found.tallies else None


async def counts(system: System, runs: int) -> None:
    async def has_counted() -> Any:
        found = await read_counts(system)
        return found is not None and found.runs == runs

    await until(has_counted)


async def test_every_run_that_ended_is_counted_once(system: System) -> None:
    await system.executor.record(recorded("quick"), recorded("failed", RunStatus.FAILED), began("long"))
    await system.gateway.accept(a_spec("queued"))
    granted = await system.executor.begin()
    assert granted.run.run_id == "queued"
    await system.executor.finish("queued", granted.attempt)
    await counts(system, 3)
    await system.executor.record(recorded("long"))
    await counts(system, 4)
    await system.executor.record(recorded("quick"), recorded("long"), recorded("last"))
    await counts(system, 5)
    found = await read_counts(system)
    assert found is not None
    assert (datetime.now(UTC) - found.last_ended_at).total_seconds() < 60
    assert await read_counts(system, "workspace-2") is None


async def test_a_run_that_never_began_is_not_counted(system: System) -> None:
    await system.gateway.accept(a_spec("waits"), concurrency=1)
    await system.executor.next()
    await system.gateway.accept(a_spec("never"), concurrency=1)
    await system.gateway.cancel("never")
    await system.executor.record(recorded("other"))
    await counts(system, 1)


async def test_counts_are_written_before_the_service_stops(start: Any) -> None:
    async with start() as first:
        await first.executor.record(recorded("quick"))

        async def is_stored() -> Any:
            return await first.stored(_id="quick")

        await until(is_stored)
    async with start() as second:
        await counts(second, 1)
