"""Spend booking and cleanup of values run independently."""

from datetime import timedelta
from typing import Any, cast

import pytest
from tests.support.jobs.fakes import FakeJournal, FakeLeases, ManualClock

from jobs_service import journal as journal_cleaner
from jobs_service.journal import JournalCleaner
from jobs_service.leadership import Leader, Leadership
from jobs_service.spend import AT_ONCE, MAX_ROUNDS, Maintenance


class FakeSpend:
    """A spend book that cannot be written."""

    async def collect(self, limit: int) -> int:
        """See SpendRepository."""
        raise OverflowError("too much")


class Values:
    """Counts the sweeps."""

    swept = 0

    async def sweep(self, limit: int) -> int:
        """See BlobRepository."""
        self.swept += 1
        return 0


async def test_expired_values_are_deleted_while_the_spend_book_fails() -> None:
    values = Values()
    leader = Leader(FakeLeases(), Leadership("housekeeper", "me"), timedelta(seconds=6), ManualClock())
    maintenance = Maintenance(cast("Any", values), cast("Any", FakeSpend()), leader)
    with pytest.raises(OverflowError):
        await maintenance.step()
    assert values.swept == 1


class LongSpend:
    """Has a number of runs to book."""

    def __init__(self, runs: int) -> None:
        self.left = runs

    async def collect(self, limit: int) -> int:
        """See SpendRepository."""
        booked = min(self.left, limit)
        self.left -= booked
        return booked


@pytest.mark.parametrize(("runs", "left"), [(2 * AT_ONCE, 0), (2 * AT_ONCE + 1, 0), (MAX_ROUNDS * AT_ONCE + 1, 1)])
async def test_as_much_is_booked_as_there_is_up_to_a_bound(runs: int, left: int) -> None:
    spend = LongSpend(runs)
    leader = Leader(FakeLeases(), Leadership("housekeeper", "me"), timedelta(seconds=6), ManualClock())
    await Maintenance(cast("Any", Values()), cast("Any", spend), leader).step()
    assert spend.left == left


async def test_the_number_of_journals_pending_deletion_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_cleaner, "MAX_WAITING", 2)
    journal = FakeJournal()
    tidier = JournalCleaner(journal)
    for name in ("run-0", "run-1", "run-2"):
        journal.kept[name] = []
        tidier.discard_journal(name)
    await tidier.step()
    assert list(journal.kept) == ["run-2"], "the store expires it by itself"
