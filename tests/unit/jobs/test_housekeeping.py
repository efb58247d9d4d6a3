"""Books and values: neither waits for the other."""

from datetime import timedelta
from typing import Any, cast

import pytest
from tests.unit.jobs.fakes import FakeLeases, ManualClock

from jobs_service.application.housekeeping import Housekeeping
from jobs_service.application.leader import Leader
from jobs_service.ports import Leadership


class Books:
    """Cannot be kept."""

    async def collect(self, limit: int) -> int:
        """See SpendBook."""
        raise OverflowError("too much")


class Values:
    """Remembers how often it was swept."""

    swept = 0

    async def sweep(self, limit: int) -> int:
        """See Blobs."""
        self.swept += 1
        return 0


async def test_values_that_have_had_their_time_go_even_while_the_books_cannot_be_kept() -> None:
    values = Values()
    leader = Leader(FakeLeases(), Leadership("housekeeper", "me"), timedelta(seconds=6), ManualClock())
    housekeeping = Housekeeping(cast("Any", values), cast("Any", Books()), leader)
    with pytest.raises(OverflowError):
        await housekeeping.step()
    assert values.swept == 1
