"""The journal of an attempt is written in groups, and no entry is lost."""

import asyncio

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.executor.fakes import JobsService, spec

from executor_service.application.batched_journal import CALL_BYTES, GROUP_BYTES, BatchedJournal
from shared.contracts.claims import AppendJournal
from shared.errors import StaleAttempt


async def recording_much(jobs: JobsService, journal: BatchedJournal) -> "list[asyncio.Task[None]]":
    """Add three entries of which no two fit into one call; the first is being sent and blocks the others."""
    jobs.line.clear()
    large = msgspec.Raw(b"1" * (CALL_BYTES // 2 + 1))
    recording = [asyncio.create_task(journal.record("done", large)) for _ in range(3)]
    await eventually(lambda: jobs.appending)
    return recording


async def test_entries_whose_flush_is_cancelled_go_out_with_the_next() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 1
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    jobs.line.clear()
    await journal.record("done", msgspec.Raw(b"1"))
    flushing = asyncio.create_task(journal.flush())
    await eventually(lambda: jobs.appending)
    flushing.cancel()
    await asyncio.wait([flushing])
    jobs.line.set()
    await journal.record("done", msgspec.Raw(b"2"))
    await journal.flush()
    assert [(entry.index, bytes(entry.data)) for entry in jobs.journal] == [(0, b"1"), (1, b"2")]
    await journal.flush()
    assert len(jobs.journal) == 2


async def test_entries_during_a_call_are_stored_in_calls_of_bounded_size() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 1
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    recording = await recording_much(jobs, journal)
    jobs.line.set()
    await asyncio.gather(*recording)
    await journal.flush()
    assert [entry.index for entry in jobs.journal] == [0, 1, 2]
    assert max(jobs.append_sizes) <= CALL_BYTES


async def test_large_entries_are_stored_immediately_and_small_ones_with_the_next() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 1
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    await journal.record("done", msgspec.Raw(b"1"))
    assert jobs.appending == 0
    await journal.record("done", msgspec.Raw(b"1" * GROUP_BYTES))
    assert len(jobs.journal) == 2
    await journal.record("done", msgspec.Raw(b"1"))
    assert jobs.appending == 1


async def test_a_worker_that_lost_its_run_stores_nothing() -> None:
    """The service would refuse it, and the next attempt would still learn that a block may have begun."""
    jobs = JobsService(spec())
    jobs.attempt = 2

    async def ask() -> None:
        await jobs.renew("r1", 1)

    journal = BatchedJournal(jobs, "r1", 1, next_index=0, ensure_held=ask)
    await journal.record("begun", msgspec.Raw(b"1"))
    with pytest.raises(StaleAttempt):
        await journal.flush()
    assert jobs.appending == 0


async def test_entries_of_cancelled_writers_are_stored_by_one_flush() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 1
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    recording = await recording_much(jobs, journal)
    for task in recording:
        task.cancel()
    await asyncio.wait(recording)
    jobs.line.set()
    await journal.flush()
    assert [entry.index for entry in jobs.journal] == [0, 1, 2]


@pytest.mark.parametrize("flushed", [True, False], ids=["flushed", "by itself"])
async def test_a_journal_that_has_failed_stays_so_and_stores_nothing_more(flushed: bool) -> None:
    jobs = JobsService(spec())
    jobs.attempt = 2
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    await journal.record("done", msgspec.Raw(b"1"))
    if flushed:
        with pytest.raises(StaleAttempt):
            await journal.flush()
    else:
        await eventually(lambda: jobs.appending)
    jobs.attempt = 1
    for call in (journal.record("done", msgspec.Raw(b"2")), journal.flush(), journal.settle()):
        with pytest.raises(StaleAttempt):
            await call
    assert (jobs.appending, jobs.journal) == (1, [])


async def test_an_ended_run_waits_for_pending_entries() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 1
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    jobs.line.clear()
    await journal.record("done", msgspec.Raw(b"1"))
    await eventually(lambda: jobs.appending)
    settling = asyncio.create_task(journal.settle())
    await asyncio.sleep(0.01)
    assert not settling.done()
    jobs.line.set()
    await settling


async def test_a_run_that_has_ended_learns_that_another_has_it() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 2
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    await journal.record("done", msgspec.Raw(b"1"))
    await eventually(lambda: jobs.appending)
    with pytest.raises(StaleAttempt):
        await journal.settle()


async def test_an_unavailable_jobs_service_is_retried() -> None:
    class UnavailableAtFirst(JobsService):
        async def append_journal(self, run_id: str, entries: AppendJournal) -> None:
            self._fail_if_told()
            await super().append_journal(run_id, entries)

    jobs = UnavailableAtFirst(spec())
    jobs.attempt = jobs.failures_left = 1
    journal = BatchedJournal(jobs, "r1", 1, next_index=0)
    await journal.record("done", msgspec.Raw(b"1"))
    await journal.flush()
    assert len(jobs.journal) == 1
