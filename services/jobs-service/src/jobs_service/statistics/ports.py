"""Storage of workflows' run counts."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.run_statistics import RunStatistics


class RunCountRepository(Protocol):
    """Number of ended runs of each workflow, and the time of the last end."""

    async def add(self, more: Sequence[RunStatistics]) -> None:
        """Add to the counts of these workflows."""

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        """Return the counts of these workflows; none for one that never ran."""
