"""A later attempt reads the journal page by page, however long it is."""

import msgspec
import pytest
from tests.support.jobs.system import Executor, System

from jobs_service.journal import PAGE_BYTES, MongoJournal
from shared.clients.jobs.worker_runs import WorkerRunClient
from shared.clock import SystemClock
from shared.contracts.claims import ClaimGranted, JournalEntry, JournalPosition
from shared.errors import StaleAttempt, Unavailable

LARGE = PAGE_BYTES * 2 // 5
"""Two fit on a page."""


def entry(index: int, size: int = LARGE, text: str = "x") -> JournalEntry:
    return JournalEntry(index, "block", msgspec.Raw(msgspec.json.encode(text * size)))


async def taken_over(
    executor: Executor, journal: list[JournalEntry], *, pages: bool = True
) -> tuple[ClaimGranted, list[list[JournalEntry]]]:
    """Return the claim of the next worker, and all journal pages that it reads."""
    message = await executor.next()
    assert await executor.claim(message)
    for each in journal:
        await executor.journal(message.run_id, 1, each)
    granted = await executor.claim(message, redelivered=True, pages=pages)
    assert granted is not None
    return granted, [list(granted.journal), *await read_on(executor, granted)]


async def read_on(executor: Executor, granted: ClaimGranted) -> list[list[JournalEntry]]:
    """Return all pages after those of the claim."""
    pages, after = [], granted.more_behind
    while after is not None:
        page = await WorkerRunClient(executor.client).read_journal(granted.run.run_id, granted.attempt, after)
        pages.append(list(page.entries))
        after = page.more_behind
    return pages


async def test_no_answer_has_more_of_a_journal_than_a_page(system: System) -> None:
    await system.gateway.accept()
    journal = [entry(index) for index in range(5)]

    granted, pages = await taken_over(system.executor, journal)
    assert pages == [journal[:2], journal[2:4], journal[4:]]
    assert granted.more_behind == JournalPosition(1, 1)


async def test_an_entry_larger_than_a_page_has_its_own_page(system: System) -> None:
    await system.gateway.accept()
    journal = [entry(0, 10), entry(1, 2 * PAGE_BYTES), entry(2, 10)]

    _, pages = await taken_over(system.executor, journal)
    assert pages == [journal[:1], journal[1:2], journal[2:]]


@pytest.mark.parametrize("count", [2, 18, 30])
async def test_a_page_has_as_many_small_entries_as_there_are(system: System, count: int) -> None:
    await system.gateway.accept()
    journal = [entry(index, 10) for index in range(count)]

    _, pages = await taken_over(system.executor, journal)
    assert pages == [journal]


async def test_a_worker_of_the_previous_version_gets_all_entries_together(system: System) -> None:
    await system.gateway.accept()
    journal = [entry(index) for index in range(5)]

    granted, pages = await taken_over(system.executor, journal, pages=False)
    assert (pages, granted.more_behind) == ([journal], None)


async def test_pages_are_readable_by_the_holder_of_the_run_only(system: System) -> None:
    accepted = await system.gateway.accept()
    granted, _ = await taken_over(system.executor, [entry(index) for index in range(3)])
    assert granted.more_behind is not None

    with pytest.raises(StaleAttempt):
        await WorkerRunClient(system.executor.client).read_journal(accepted.run_id, 1, granted.more_behind)


async def test_the_journal_of_a_run_that_is_over_does_not_look_like_a_shorter_one(system: System) -> None:
    accepted = await system.gateway.accept()
    granted, _ = await taken_over(system.executor, [entry(index) for index in range(3)])
    assert granted.more_behind is not None
    await system.executor.finish(accepted.run_id, granted.attempt)

    with pytest.raises(StaleAttempt):
        await WorkerRunClient(system.executor.client).read_journal(
            accepted.run_id, granted.attempt, granted.more_behind
        )


async def test_a_page_continues_with_the_entries_of_the_later_attempt(system: System) -> None:
    journal = MongoJournal(system.store, SystemClock())
    await journal.append("run", 1, [entry(index) for index in range(4)])
    await journal.append("run", 2, [entry(2, text="y")])

    first = await journal.read("run")
    second = await journal.read("run", first.more_behind)
    assert [*first.entries, *second.entries] == [entry(0), entry(1), entry(2, text="y")]
    assert second.more_behind is None


async def test_writes_of_lost_workers_during_the_reading_never_mix(system: System) -> None:
    journal = MongoJournal(system.store, SystemClock())
    await journal.append("run", 1, [entry(index) for index in range(4)])
    first = await journal.read("run")

    await journal.append("run", 2, [entry(index, text="y") for index in (1, 2)])
    with pytest.raises(Unavailable):
        await journal.read("run", first.more_behind)
    assert (await journal.read("run")).entries == (entry(0), entry(1, text="y"))
