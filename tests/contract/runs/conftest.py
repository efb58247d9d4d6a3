"""The run stores that must fulfill the same contract."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from tests.support.jobs.fakes import FakeJournal, FakeRuns, ManualClock
from tests.support.jobs.makers import RULES
from tests.support.jobs.system import a_spec, quick_settings

from jobs_service.bootstrap import open_store
from jobs_service.journal import JournalRepository, MongoJournal
from jobs_service.runs.documents import RUNS, LoadedRun, RunRepository, new_document
from jobs_service.runs.repository import GroupedRuns, MongoRuns
from jobs_service.runs.run import Run
from shared.clock import SystemClock


@dataclass
class Storage:
    """Runs and their journal. `put` stores a run unchanged."""

    runs: RunRepository
    journal: JournalRepository
    put: Callable[[Run], Awaitable[None]]

    async def due(self, run: Run, *, seconds: float) -> Run:
        """Store `run`, due in `seconds`; return it as stored."""
        now = await self.runs.now()
        due_at = now + timedelta(seconds=seconds)
        stored = replace(run, due_at=due_at, started_at=now, deadline_at=now + timedelta(hours=1))
        await self.put(stored)
        return await self.found(run.id)

    async def overdue(self, *, in_progress: bool = True) -> Sequence[LoadedRun]:
        """Return the overdue runs."""
        return await self.runs.find_overdue(10, await self.runs.now(), in_progress=in_progress)

    async def found(self, run_id: str) -> Run:
        """Return the present state of the run."""
        seen = await self.runs.load(run_id)
        assert seen is not None
        return seen.run


@pytest.fixture(params=["memory", "mongodb", "mongodb, grouped"])
async def storage(request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """The kind of store under test."""
    if request.param == "memory":
        yield _in_memory()
        return
    settings = quick_settings(request.getfixturevalue("mongodb_uri"), request.getfixturevalue("mongodb_prefix"))
    store = open_store(settings)
    await store.start()

    async def put(run: Run) -> None:
        await store.collection(RUNS).insert_one(new_document(run, a_spec(run.id), order=0))

    grouped = GroupedRuns(store, RULES)
    await grouped.start()
    runs = grouped if "grouped" in request.param else MongoRuns(store, RULES)
    yield Storage(runs, MongoJournal(store, SystemClock()), put)
    await grouped.stop()
    await store.stop()


def _in_memory() -> Storage:
    runs = FakeRuns(ManualClock())

    async def put(run: Run) -> None:
        runs.kept[run.id] = run

    return Storage(runs, FakeJournal(), put)
