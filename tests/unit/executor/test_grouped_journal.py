"""The journal of an attempt: written in groups, and nothing of it is lost."""

import asyncio

import msgspec
from tests.support.eventually import eventually
from tests.unit.executor.fakes import JobsService, spec

from executor_service.application.grouped_journal import GroupedJournal


async def test_entries_whose_flush_is_cancelled_go_out_with_the_next() -> None:
    jobs = JobsService(spec())
    jobs.attempt = 1
    journal = GroupedJournal(jobs, "r1", 1, next_index=0)
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
