"""A jobs-service with one durable run, and its workers."""

import asyncio

from tests.support.executor.fakes import JobsService, Services, Work, launcher, spec

from executor_service.application.active_runs import ActiveRuns
from executor_service.application.durable_runs import DurableRunWorker
from shared.contracts.events import RunEvent
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.runs import RunMode, RunOutcome, RunSpec

DISPATCH = DurableRunDispatched("r1", "d1", "w1")


class World:
    """A jobs-service with one run, and any number of workers."""

    def __init__(self) -> None:
        self.jobs = JobsService(spec(mode=RunMode.ASYNC, time_limit_ms=60_000))
        self.work, self.running = Work(), ActiveRuns()
        self.worker = self.new_worker(self.work, self.running)

    def new_worker(
        self, work: Work, running: ActiveRuns | None = None, services: Services | None = None
    ) -> DurableRunWorker:
        blocks = launcher(services or Services(), [("function", work)])
        return DurableRunWorker(
            blocks, self.jobs, running or ActiveRuns(), worker_id="worker", events=self.run_events_factory
        )

    def run_events_factory(self, spec: RunSpec, attempt: int) -> "RecordedEnds":
        self.run_events = RecordedEnds()
        return self.run_events


class RecordedEnds:
    """Return the end of an attempt that its followers receive."""

    def __init__(self) -> None:
        self.ends: list[RunOutcome | None] = []

    async def begin(self, listener: str | None) -> None:
        """Ignore the event."""

    async def emit(self, event: RunEvent) -> None:
        """Ignore the event."""

    def follow(self, address: str) -> None:
        """Ignore the cancel."""

    async def close(self, outcome: RunOutcome | None = None) -> None:
        self.ends.append(outcome)


async def begin(world: World) -> asyncio.Task[None]:
    world.work.go_on.clear()
    run = asyncio.create_task(world.worker.work(DISPATCH, redelivered=False))
    await asyncio.wait_for(world.work.begun.wait(), 30)
    return run


async def a_long_journal(world: World) -> None:
    """End the attempt; the next one reads its journal one entry at a time."""
    await world.worker.work(DISPATCH, redelivered=False)
    world.jobs.finished = None
    world.jobs.page_entries = 1
    assert len(world.jobs.journal) > 2
