"""Adds ended runs to the search index."""

from jobs_service.runs.ports import RunResult
from jobs_service.runs.run import Run
from jobs_service.search.ports import IndexedRun, SearchIndex
from shared.clock import epoch_ms


class RunIndexer:
    """Collects ended runs and adds them in batches, so that a run needs no extra write.

    A killed process loses about two seconds of them: text does not find these runs.
    """

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._runs: list[IndexedRun] = []

    def add(self, run: Run, result: RunResult | None) -> None:
        """Add the run if it has ended and its words may be stored."""
        if not run.phase.is_terminal or result is None or not result.words.hashes or run.expires_at is None:
            return
        self._runs.append(
            IndexedRun(
                run_id=run.id,
                workspace_id=run.workspace_id,
                workflow_id=run.workflow_id,
                created_ms=epoch_ms(run.created_at),
                expires_at=run.expires_at,
                hashes=result.words.hashes,
            )
        )

    async def step(self) -> None:
        """Store the collected runs. Raises Unavailable."""
        runs, self._runs = self._runs, []
        if not runs:
            return
        try:
            await self._index.add(runs)
        except BaseException:  # a step that is stopped or takes too long is cancelled
            self._runs = runs + self._runs
            raise
