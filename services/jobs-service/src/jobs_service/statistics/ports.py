"""Storage of workflows' run counts and statistics."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs_service.statistics.intervals import Resolution
from jobs_service.statistics.measures import Groups
from shared.contracts.jobs import RunPage
from shared.contracts.logs import FindLogs
from shared.contracts.statistics import RunStatistics


class RunCountRepository(Protocol):
    """Number of ended runs of each workflow, and the time of the last end."""

    async def add(self, more: Sequence[RunStatistics]) -> None:
        """Add to the counts of these workflows."""

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        """Return the counts of these workflows; none for one that never ran."""

    async def of_workspace(self, workspace_id: str, limit: int) -> Sequence[RunStatistics]:
        """Return the counts of up to `limit` workflows."""


@dataclass(frozen=True, slots=True)
class StoredInterval:
    """Statistics of one workflow in one interval."""

    workspace_id: str
    workflow_id: str
    start_ms: int
    groups: Groups


class IntervalRepository(Protocol):
    """Statistics of workflows by interval, in each resolution."""

    async def add(self, minutes: Sequence[StoredInterval]) -> None:
        """Add the runs of these minutes to their intervals of every resolution."""

    def read(
        self,
        workspace_id: str,
        resolution: Resolution,
        since_ms: int,
        until_ms: int,
        *,
        workflow_ids: Sequence[str] | None = None,
    ) -> AsyncIterator[StoredInterval]:
        """Yield the intervals that start within the range, which is aligned to the resolution."""

    async def began_ms(self) -> int:
        """Return the time from which on runs are counted; 0 if no earlier runs were stored."""

    async def now_ms(self) -> int:
        """Return the store's time."""


class RunSource(Protocol):
    """Search of single runs."""

    async def find(self, query: FindLogs) -> RunPage:
        """Return a page of runs. Raises InvalidRequest, Unavailable."""
