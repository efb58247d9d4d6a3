"""Contract of run stores: the owner of a run, and the duration of its lease."""

from dataclasses import replace
from typing import cast

import msgspec
import pytest
from tests.contract.runs.conftest import Storage
from tests.support.jobs.makers import RULES, a_run, in_progress

from jobs_service.journal import JournalService
from jobs_service.runs.documents import RunRepository
from jobs_service.runs.run import Phase
from shared.contracts.claims import AppendJournal, JournalEntry
from shared.errors import StaleAttempt

OVER, LONG = -5, 14
ENTRY = JournalEntry(0, "intent", msgspec.Raw(b"{}"))


def journal_service(storage: Storage) -> JournalService:
    return JournalService(storage.runs, storage.journal, RULES)


async def test_a_holder_renews_even_an_expired_lease(storage: Storage) -> None:
    await storage.due(in_progress(), seconds=OVER)

    assert await storage.runs.renew("run-1", attempt=1)
    assert await storage.overdue() == []


@pytest.mark.parametrize(
    "run", [in_progress(attempt=2), in_progress(cancel_requested=True), a_run(Phase.REQUEUED, attempt=1)]
)
async def test_only_the_holder_of_a_live_lease_renews_it(storage: Storage, run: object) -> None:
    stored = await storage.due(run, seconds=OVER)  # type: ignore[arg-type]

    assert not await storage.runs.renew("run-1", attempt=1)
    assert (await storage.found("run-1")).revision == stored.revision


async def test_overdue_runs_are_listed_with_and_without_runs_in_progress(storage: Storage) -> None:
    await storage.due(in_progress(), seconds=OVER)
    await storage.due(a_run(Phase.REQUEUED, id="run-2", attempt=1), seconds=OVER)
    await storage.due(in_progress(id="run-3"), seconds=LONG)

    assert {seen.run.id for seen in await storage.overdue()} == {"run-1", "run-2"}
    assert [seen.run.id for seen in await storage.overdue(in_progress=False)] == ["run-2"]


async def test_only_attached_orphans_are_overdue_and_stale_readers_read_again(
    storage: Storage,
) -> None:
    attached = await storage.due(a_run(Phase.ATTACHED, attempt=1), seconds=LONG)
    await storage.due(in_progress(id="run-2"), seconds=LONG)
    await storage.due(a_run(Phase.PAUSED, id="run-3", attempt=1), seconds=LONG)

    await storage.runs.expire_attached()

    assert [seen.run.id for seen in await storage.overdue()] == ["run-1"]
    assert not await storage.runs.replace(attached, replace(attached, cancel_requested=True))


async def test_an_accepted_journal_entry_renews_the_lease(storage: Storage) -> None:
    await storage.due(in_progress(), seconds=OVER)

    await journal_service(storage).append("run-1", AppendJournal(1, (ENTRY,)))

    assert await storage.overdue() == []
    assert (await storage.journal.read("run-1")).entries == (ENTRY,)


async def test_an_entry_costs_no_further_write_while_the_lease_is_long_enough(storage: Storage) -> None:
    stored = await storage.due(in_progress(), seconds=LONG)

    await journal_service(storage).append("run-1", AppendJournal(1, (ENTRY,)))

    assert await storage.found("run-1") == stored


async def test_an_older_attempts_entry_is_refused_and_prolongs_nothing(storage: Storage) -> None:
    stored = await storage.due(in_progress(attempt=2), seconds=OVER)

    with pytest.raises(StaleAttempt):
        await journal_service(storage).append("run-1", AppendJournal(1, (ENTRY,)))
    assert await storage.found("run-1") == stored


async def test_an_entry_of_a_run_that_is_over_is_refused_and_stays_nowhere(storage: Storage) -> None:
    await storage.put(a_run(Phase.FAILED, attempt=1))

    with pytest.raises(StaleAttempt):
        await journal_service(storage).append("run-1", AppendJournal(1, (ENTRY,)))
    assert (await storage.journal.read("run-1")).entries == ()


async def test_an_entry_is_refused_if_another_worker_has_claimed_the_run(storage: Storage) -> None:
    held = await storage.due(in_progress(), seconds=OVER)

    class Contested:
        load = storage.runs.load

        async def renew(self, run_id: str, attempt: int) -> bool:
            await storage.runs.replace(held, replace(held, attempt=2))
            return await storage.runs.renew(run_id, attempt)

    with pytest.raises(StaleAttempt):
        await JournalService(cast("RunRepository", Contested()), storage.journal, RULES).append(
            "run-1", AppendJournal(1, (ENTRY,))
        )
