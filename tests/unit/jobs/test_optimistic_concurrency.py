"""A run is written only over the version that was read."""

import pytest
from tests.support.jobs.makers import NOW, a_run

from jobs_service.runs.documents import LoadedRun
from jobs_service.runs.repository import retry_on_conflict
from shared.errors import Unavailable
from shared.optimistic_concurrency import ATTEMPTS


class Contested:
    """A run that others change so often before it stays unchanged."""

    def __init__(self, changes: int) -> None:
        self.revision = 0
        self._changes = changes

    async def read(self, run_id: str) -> LoadedRun | None:
        """Return the run in its present state."""
        return LoadedRun(a_run(id=run_id, revision=self.revision), NOW)

    async def write(self, seen: LoadedRun | None) -> str | None:
        """Succeed if the run is unchanged."""
        if self.revision < self._changes:
            self.revision += 1
            return None
        return "written" if seen is not None and seen.run.revision == self.revision else None


async def test_the_second_writer_decides_on_the_result_of_the_first() -> None:
    run = Contested(changes=3)
    assert await retry_on_conflict("run-1", run.read, run.write) == "written"
    assert run.revision == 3


async def test_an_already_read_version_is_not_read_again() -> None:
    async def read(run_id: str) -> LoadedRun | None:
        raise AssertionError(f"{run_id} was known already")

    assert (
        await retry_on_conflict("run-1", read, Contested(changes=0).write, first=LoadedRun(a_run(), NOW)) == "written"
    )


async def test_a_permanently_overtaken_writer_gets_a_retry_error() -> None:
    run = Contested(changes=1_000)
    with pytest.raises(Unavailable, match="Run run-1 is being changed too often"):
        await retry_on_conflict("run-1", run.read, run.write)
    assert run.revision == ATTEMPTS
