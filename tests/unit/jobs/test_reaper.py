"""The reaper hands the run of a lost worker to another, but takes no worker for lost that could not report."""

from datetime import timedelta

import pytest
from tests.support.jobs.fakes import FakeControl, FakeJournal, FakeLeases, FakeRuns, ManualClock
from tests.support.jobs.makers import RULES, a_run, after, in_progress

from jobs_service.claims import reaper
from jobs_service.claims.reaper import Reaper
from jobs_service.journal import JournalCleaner
from jobs_service.leadership import Leader, Leadership, WakeUpEvent
from jobs_service.runs.run import Phase

LEASE_SECONDS = RULES.lease.total_seconds()
LEADER_SECONDS = 6


class System:
    """A reaper and everything around it. A worker runs `run-1`; its lease expires after 15 seconds."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.leases = FakeLeases()
        self.runs = FakeRuns(self.clock)
        self.control = FakeControl()
        self.runs.kept["run-1"] = in_progress()
        leader = Leader(self.leases, Leadership("reaper", "me"), timedelta(seconds=LEADER_SECONDS), self.clock)
        self.reaper = Reaper(
            runs=self.runs,
            journal_cleaner=JournalCleaner(FakeJournal()),
            control=self.control,
            leader=leader,
            rules=RULES,
            dispatcher=WakeUpEvent(),
            clock=self.clock,
        )

    async def step_after(self, seconds: float) -> Phase:
        """Let time pass, run the reaper, and return the state of the run."""
        self.clock.seconds += seconds
        await self.reaper.step()
        return self.runs.kept["run-1"].phase


@pytest.fixture
def system() -> System:
    return System()


async def test_a_run_of_a_silent_worker_is_redispatched(system: System) -> None:
    assert await system.step_after(0) is Phase.PROCESSING
    assert await system.step_after(LEASE_SECONDS + 1) is Phase.REQUEUED


async def test_a_reaper_that_just_came_gives_every_worker_the_time_of_a_lease(system: System) -> None:
    assert await system.step_after(LEASE_SECONDS + 5) is Phase.PROCESSING, "the worker could not report"
    assert await system.step_after(LEASE_SECONDS - 1) is Phase.PROCESSING
    assert await system.step_after(1) is Phase.REQUEUED


async def test_a_worker_that_reports_in_that_time_keeps_its_run(system: System) -> None:
    await system.step_after(LEASE_SECONDS + 5)
    assert await system.runs.renew("run-1", attempt=1)
    assert await system.step_after(LEASE_SECONDS - 1) is Phase.PROCESSING


async def test_a_leader_in_a_new_term_restarts_its_observation(system: System) -> None:
    await system.step_after(0)
    system.leases.give("reaper", "me")
    assert await system.step_after(LEASE_SECONDS + 1) is Phase.PROCESSING, "it was silent itself"


async def test_a_clock_jump_takes_no_run_from_a_live_worker(system: System) -> None:
    await system.step_after(0)
    for _ in range(4):
        assert await system.runs.renew("run-1", attempt=1)
        await system.step_after(5)
    system.clock.step = 30.0
    assert await system.step_after(1) is Phase.PROCESSING, "its lease looks over"
    assert await system.runs.renew("run-1", attempt=1)
    assert await system.step_after(LEASE_SECONDS - 1) is Phase.PROCESSING


async def test_a_worker_that_is_silent_after_the_jump_loses_its_run_a_lease_later(system: System) -> None:
    await system.step_after(0)
    system.clock.step = 30.0
    await system.step_after(1)
    assert await system.step_after(LEASE_SECONDS - 1) is Phase.PROCESSING
    assert await system.step_after(1) is Phase.REQUEUED


async def test_a_clock_set_back_delays_the_end_of_a_silent_worker_by_the_step_only(system: System) -> None:
    await system.step_after(0)
    system.clock.step = -30.0
    assert await system.step_after(LEASE_SECONDS + 29) is Phase.PROCESSING
    assert await system.step_after(1) is Phase.REQUEUED


async def test_a_slow_store_is_not_taken_for_a_clock_jump(system: System) -> None:
    await system.step_after(LEASE_SECONDS)
    system.runs.answers_after = LEASE_SECONDS - 1
    await system.step_after(1)
    system.runs.answers_after = 0.0
    assert await system.step_after(1) is Phase.REQUEUED


async def test_runs_without_a_worker_are_not_awaited(system: System) -> None:
    system.runs.kept["run-1"] = a_run(Phase.REQUEUED, attempt=1, deadline_at=after(1), due_at=after(11))
    assert await system.step_after(12) is Phase.FAILED


async def test_runs_beyond_one_batch_are_ended_in_the_same_sweep(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "AT_ONCE", 1)
    for number in range(3):
        name = f"run-{number}"
        system.runs.kept[name] = a_run(Phase.REQUEUED, id=name, attempt=1, deadline_at=after(1), due_at=after(11))
    await system.step_after(12)
    assert {run.phase for run in system.runs.kept.values()} == {Phase.FAILED}


async def test_a_run_ends_although_its_worker_cannot_be_notified(system: System) -> None:
    system.control.is_up = False
    system.runs.kept["run-1"] = a_run(Phase.ATTACHED, attempt=1, started_at=after(0), due_at=after(1))
    assert await system.step_after(2) is Phase.FAILED
