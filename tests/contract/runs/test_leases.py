"""Who holds a run, and for how long, as any store of runs must have it."""

from dataclasses import replace
from typing import cast

import msgspec
import pytest
from tests.contract.runs.conftest import Kept
from tests.unit.jobs.makers import RULES, a_run, at_work

from jobs_service.journal.service import Journaling
from jobs_service.runs.ports import Runs
from jobs_service.runs.run import Phase
from shared.contracts.claims import AppendJournal, JournalEntry
from shared.errors import StaleAttempt

OVER, LONG = -5, 14
ENTRY = JournalEntry(0, "intent", msgspec.Raw(b"{}"))


def journaling(kept: Kept) -> Journaling:
    return Journaling(kept.runs, kept.journal, RULES)


async def test_a_holder_renews_its_lease_also_when_it_is_over(kept: Kept) -> None:
    await kept.due(at_work(), seconds=OVER)

    assert await kept.runs.renew("run-1", attempt=1)
    assert await kept.overdue() == []


@pytest.mark.parametrize("run", [at_work(attempt=2), at_work(cancel_requested=True), a_run(Phase.REQUEUED, attempt=1)])
async def test_nobody_renews_what_it_does_not_hold_or_is_to_stop(kept: Kept, run: object) -> None:
    stored = await kept.due(run, seconds=OVER)  # type: ignore[arg-type]

    assert not await kept.runs.renew("run-1", attempt=1)
    assert (await kept.found("run-1")).revision == stored.revision


async def test_what_is_overdue_is_told_with_and_without_what_is_at_work(kept: Kept) -> None:
    await kept.due(at_work(), seconds=OVER)
    await kept.due(a_run(Phase.REQUEUED, id="run-2", attempt=1), seconds=OVER)
    await kept.due(at_work(id="run-3"), seconds=LONG)

    assert {seen.run.id for seen in await kept.overdue()} == {"run-1", "run-2"}
    assert [seen.run.id for seen in await kept.overdue(at_work=False)] == ["run-2"]


async def test_of_orphans_only_the_attached_are_overdue_and_whoever_read_one_before_reads_it_again(kept: Kept) -> None:
    attached = await kept.due(a_run(Phase.ATTACHED, attempt=1), seconds=LONG)
    await kept.due(at_work(id="run-2"), seconds=LONG)
    await kept.due(a_run(Phase.PAUSED, id="run-3", attempt=1), seconds=LONG)

    await kept.runs.orphan_attached()

    assert [seen.run.id for seen in await kept.overdue()] == ["run-1"]
    assert not await kept.runs.replace(attached, replace(attached, cancel_requested=True))


async def test_an_accepted_journal_entry_gives_a_lease_to_go_on_with(kept: Kept) -> None:
    await kept.due(at_work(), seconds=OVER)

    await journaling(kept).append("run-1", AppendJournal(1, (ENTRY,)))

    assert await kept.overdue() == []
    assert (await kept.journal.read("run-1")).entries == (ENTRY,)


async def test_an_entry_costs_no_further_write_while_the_lease_is_long_enough(kept: Kept) -> None:
    stored = await kept.due(at_work(), seconds=LONG)

    await journaling(kept).append("run-1", AppendJournal(1, (ENTRY,)))

    assert await kept.found("run-1") == stored


async def test_an_older_attempts_entry_is_refused_and_prolongs_nothing(kept: Kept) -> None:
    stored = await kept.due(at_work(attempt=2), seconds=OVER)

    with pytest.raises(StaleAttempt):
        await journaling(kept).append("run-1", AppendJournal(1, (ENTRY,)))
    assert await kept.found("run-1") == stored


async def test_an_entry_of_a_run_that_is_over_is_refused_and_stays_nowhere(kept: Kept) -> None:
    await kept.put(a_run(Phase.FAILED, attempt=1))

    with pytest.raises(StaleAttempt):
        await journaling(kept).append("run-1", AppendJournal(1, (ENTRY,)))
    assert (await kept.journal.read("run-1")).entries == ()


async def test_an_entry_is_refused_whose_run_goes_to_another_while_it_is_stored(kept: Kept) -> None:
    held = await kept.due(at_work(), seconds=OVER)

    class Contested:
        load = kept.runs.load

        async def renew(self, run_id: str, attempt: int) -> bool:
            await kept.runs.replace(held, replace(held, attempt=2))
            return await kept.runs.renew(run_id, attempt)

    with pytest.raises(StaleAttempt):
        await Journaling(cast("Runs", Contested()), kept.journal, RULES).append("run-1", AppendJournal(1, (ENTRY,)))
