"""Run statistics of workflows."""

from datetime import datetime

import msgspec


class RunStatistics(msgspec.Struct, frozen=True):
    """Started and ended runs of a workflow, and when the last one ended; the latest may be missing."""

    workspace_id: str
    workflow_id: str
    runs: int
    last_ended_at: datetime

    def plus(self, more: "RunStatistics") -> "RunStatistics":
        """Return the sum of both."""
        last = max(self.last_ended_at, more.last_ended_at)
        return RunStatistics(self.workspace_id, self.workflow_id, self.runs + more.runs, last)


class FindRunStatistics(msgspec.Struct, frozen=True):
    """Request the statistics of workflows."""

    workspace_id: str
    workflow_ids: tuple[str, ...]


class RunStatisticsList(msgspec.Struct, frozen=True):
    """Existing statistics; a workflow that never ran has none."""

    tallies: tuple[RunStatistics, ...]
