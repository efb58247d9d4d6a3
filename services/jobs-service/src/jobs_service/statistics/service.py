"""Counts the ended runs of each workflow."""

from jobs_service.runs.run import Run
from jobs_service.statistics.ports import RunCountRepository
from shared.contracts.statistics import LastRun, RunStatistics


class RunCounter:
    """Collects ended runs and stores counts in batches, so that a run needs no extra write.

    A killed process loses about a second of counts.
    """

    def __init__(self, repository: RunCountRepository) -> None:
        self._repository = repository
        self._counts: dict[str, RunStatistics] = {}

    def count(self, run: Run) -> None:
        """Count the run if it has ended; one that never started does not count."""
        if run.phase.is_terminal and run.started_at is not None and run.ended_at is not None:
            last = LastRun(run.id, run.status)
            self._add(RunStatistics(run.workspace_id, run.workflow_id, 1, run.ended_at, last))

    async def step(self) -> None:
        """Store the collected counts. Raises Unavailable."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._repository.add(list(counts.values()))
        except BaseException:  # a step that is stopped or takes too long is cancelled
            for workflow_counts in counts.values():
                self._add(workflow_counts)
            raise

    def _add(self, more: RunStatistics) -> None:
        known = self._counts.get(more.workflow_id)
        self._counts[more.workflow_id] = more if known is None else known.plus(more)
