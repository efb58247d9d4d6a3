"""Statistics count ends in batches, and each once."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.support.jobs.makers import NOW, a_run, after

from jobs_service.runs.run import Phase
from jobs_service.statistics.collector import RunCounter
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import LastRun, RunStatistics
from shared.errors import Unavailable


class FakeRepository:
    """Stores statistics while it is available."""

    def __init__(self) -> None:
        self.kept: list[RunStatistics] = []
        self.fails = False
        self.hangs = False

    async def add(self, repository: Sequence[RunStatistics]) -> None:
        """See RunCountRepository."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise Unavailable("the store is unavailable")
        self.kept += repository

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        """See RunCountRepository."""
        raise NotImplementedError

    async def of_workspace(self, workspace_id: str, limit: int) -> Sequence[RunStatistics]:
        """See RunCountRepository."""
        raise NotImplementedError


@pytest.fixture
def repository() -> FakeRepository:
    return FakeRepository()


@pytest.fixture
def run_counter(repository: FakeRepository) -> RunCounter:
    """One run has ended."""
    run_counter = RunCounter(repository)
    run_counter.count(a_run(Phase.COMPLETED, started_at=NOW, ended_at=after(1)))
    return run_counter


async def test_counts_refused_by_the_store_are_written_with_later_ones(
    run_counter: RunCounter, repository: FakeRepository
) -> None:
    repository.fails = True
    with pytest.raises(Unavailable):
        await run_counter.step()
    repository.fails = False
    run_counter.count(a_run(Phase.FAILED, started_at=NOW, ended_at=after(2)))

    await run_counter.step()

    assert repository.kept == [
        RunStatistics("workspace-1", "workflow-1", 2, after(2), LastRun("run-1", RunStatus.FAILED))
    ]


async def test_interrupted_counts_are_written_at_the_next_step(
    run_counter: RunCounter, repository: FakeRepository
) -> None:
    repository.hangs = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run_counter.step()
    repository.hangs = False

    await run_counter.step()

    assert repository.kept == [
        RunStatistics("workspace-1", "workflow-1", 1, after(1), LastRun("run-1", RunStatus.COMPLETED))
    ]
