"""Adds ended runs to the search index."""

from typing import Final

from jobs_service.runs.ports import RunResult
from jobs_service.runs.run import Run
from jobs_service.runs.words import hash_facts
from jobs_service.search.ports import IndexedRun, SearchIndex
from shared.clock import epoch_ms

DRAFT: Final = "draft"
"""Version of a draft."""


class RunIndexer:
    """Collects ended runs and adds them in batches, so that a run needs no extra write.

    A killed process loses about two seconds of them: text finds these runs only by their whole id.
    """

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._runs: list[IndexedRun] = []

    def add(self, run: Run, result: RunResult | None) -> None:
        """Add the run if it has ended: its words, if they may be stored, and its properties."""
        if not run.phase.is_terminal or run.expires_at is None:
            return
        version = DRAFT if run.version is None else str(run.version)
        facts = {"status": run.status.value, "trigger": run.trigger, "version": version}
        hashes = hash_facts(run.workspace_id, facts)
        if result is not None:
            hashes.append(result.words.hashes)
        self._runs.append(
            IndexedRun(
                run_id=run.id,
                workspace_id=run.workspace_id,
                workflow_id=run.workflow_id,
                created_ms=epoch_ms(run.created_at),
                expires_at=run.expires_at,
                hashes=b"".join(hashes),
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
