"""Run counts of workflows."""

from collections.abc import Mapping, Sequence

from gateway.runs.ports import Jobs
from shared.contracts.statistics import RunStatistics
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("run_counts")

CountsByWorkflow = Mapping[str, RunStatistics]
"""By workflow; without those that never ran."""


class RunCounts:
    """Reader of counts from jobs-service; lists of workflows are shown without them on failure."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> CountsByWorkflow | None:
        """Return the counts of these workflows; None if unavailable."""
        if not workflow_ids:
            return {}
        try:
            return await self._jobs.run_statistics(workspace_id, workflow_ids)
        except Unavailable as error:
            log.warning("run_counts_unavailable", workspace_id=workspace_id, error=error.message)
            return None
