"""Ended runs are added to the search index in batches."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.jobs.makers import NOW, a_run, after

from jobs_service.runs.documents import RunResult
from jobs_service.runs.run import Phase, Run
from jobs_service.runs.words import HASH_BYTES, hash_facts, hash_values
from jobs_service.search.index import DRAFT, WORKFLOWS_AT_ONCE, IndexedRun, RunIndexer
from shared.errors import Unavailable


class FakeIndex:
    """Stores runs while it is available."""

    def __init__(self) -> None:
        self.runs: list[IndexedRun] = []
        self.fails = False
        self.hangs = False

    async def add(self, runs: Sequence[IndexedRun]) -> None:
        """See SearchIndex."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise Unavailable("the store is unavailable")
        self.runs += runs


@pytest.fixture
def index() -> FakeIndex:
    return FakeIndex()


@pytest.fixture
def indexer(index: FakeIndex) -> RunIndexer:
    return RunIndexer(index)


def ended(**fields: Any) -> Run:
    known: dict[str, Any] = {"trigger": "api", "expires_at": after(60), "started_at": NOW, "ended_at": after(1)}
    return a_run(Phase.FAILED, **{**known, **fields})


def hashes_of(run: IndexedRun) -> set[bytes]:
    return {run.hashes[at : at + HASH_BYTES] for at in range(0, len(run.hashes), HASH_BYTES)}


async def test_a_run_is_indexed_with_its_words_and_properties(indexer: RunIndexer, index: FakeIndex) -> None:
    words = hash_values("workspace-1", [b'"order 4711"'])
    indexer.add(ended(version=3), RunResult(words=words))
    indexer.add(ended(id="run-2"), None)
    await indexer.step()

    first, second = index.runs
    facts = {"status": "failed", "trigger": "api", "version": "3"}
    assert hashes_of(first) == {words.hashes[:HASH_BYTES], words.hashes[HASH_BYTES:], *hash_facts("workspace-1", facts)}
    assert hashes_of(second) == {*hash_facts("workspace-1", facts | {"version": DRAFT})}
    assert (first.run_id, first.expires_at) == ("run-1", after(60))


async def test_a_run_that_has_not_ended_is_not_indexed(indexer: RunIndexer, index: FakeIndex) -> None:
    indexer.add(a_run(Phase.PROCESSING, expires_at=after(60)), None)
    await indexer.step()
    assert index.runs == []


async def test_a_limited_number_of_runs_waits_for_the_store(index: FakeIndex) -> None:
    indexer = RunIndexer(index, max_waiting=2)
    index.fails = True
    for run_id in ("run-1", "run-2", "run-3"):
        indexer.add(ended(id=run_id), None)
    with pytest.raises(Unavailable):
        await indexer.step()
    index.fails = False
    await indexer.step()
    indexer.add(ended(id="run-4"), None)
    await indexer.step()

    assert [run.run_id for run in index.runs] == ["run-1", "run-2", "run-4"]


async def test_runs_that_could_not_be_stored_are_stored_later_in_order(indexer: RunIndexer, index: FakeIndex) -> None:
    indexer.add(ended(), None)
    index.fails = True
    with pytest.raises(Unavailable):
        await indexer.step()
    index.fails, index.hangs = False, True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await indexer.step()
    index.hangs = False
    indexer.add(ended(id="run-2"), None)

    await indexer.step()
    await indexer.step()

    assert [run.run_id for run in index.runs] == ["run-1", "run-2"]


async def test_runs_of_many_workflows_are_stored_in_several_steps(indexer: RunIndexer, index: FakeIndex) -> None:
    for number in range(2 * WORKFLOWS_AT_ONCE):
        for _ in range(2):
            indexer.add(ended(workflow_id=f"workflow-{number}"), None)

    await indexer.step_some()
    assert len(index.runs) == 2 * WORKFLOWS_AT_ONCE
    await indexer.step_some()
    await indexer.step_some()
    assert len(index.runs) == 4 * WORKFLOWS_AT_ONCE
