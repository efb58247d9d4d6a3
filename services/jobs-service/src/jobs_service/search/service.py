"""Adds ended runs to the search index."""

from itertools import islice
from typing import Final

from jobs_service.runs.ports import RunResult
from jobs_service.runs.run import Run
from jobs_service.runs.words import hash_facts
from jobs_service.search.ports import IndexedRun, SearchIndex
from shared.clock import epoch_ms
from shared.observe.logging import get_logger

WORKFLOWS_AT_ONCE: Final = 50
MAX_STEPS: Final = 8
"""Steps after which runs are stored, however many workflows run."""
MAX_WAITING: Final = 20_000
"""Runs that wait for a step: about 30 MB. While the store refuses them, text does not find later runs."""
DRAFT: Final = "draft"
"""Version of a draft."""

log = get_logger("search_index")


class RunIndexer:
    """Collects ended runs and adds them in batches, so that a run needs no extra write.

    A killed process loses about two seconds of them, and more if very many workflows run: text finds these runs only by
    their whole id.
    """

    def __init__(self, index: SearchIndex, *, max_waiting: int = MAX_WAITING) -> None:
        self._index = index
        self._max_waiting = max_waiting
        self._waiting = 0
        self._dropped = 0
        self._runs: dict[tuple[str, str], list[IndexedRun]] = {}
        """By workspace and workflow."""

    def add(self, run: Run, result: RunResult | None) -> None:
        """Add the run if it has ended: its words, if they may be stored, and its properties."""
        if not run.phase.is_terminal or run.expires_at is None:
            return
        if self._waiting >= self._max_waiting:
            self._dropped += 1
            return
        self._waiting += 1
        version = DRAFT if run.version is None else str(run.version)
        facts = {"status": run.status.value, "trigger": run.trigger, "version": version}
        hashes = hash_facts(run.workspace_id, facts)
        if result is not None:
            hashes.append(result.words.hashes)
        self._runs.setdefault((run.workspace_id, run.workflow_id), []).append(
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
        """Store all collected runs. Raises Unavailable."""
        await self._store(len(self._runs))

    async def step_some(self) -> None:
        """Store the runs of the workflows that wait longest. Raises Unavailable."""
        await self._store(max(WORKFLOWS_AT_ONCE, len(self._runs) // MAX_STEPS))

    async def _store(self, count: int) -> None:
        if self._dropped:
            log.warning("search_index_runs_dropped", runs=self._dropped, limit=self._max_waiting)
            self._dropped = 0
        workflows = {name: self._runs.pop(name) for name in list(islice(self._runs, count))}
        if not workflows:
            return
        added = [run for runs in workflows.values() for run in runs]
        try:
            await self._index.add(added)
        except BaseException:  # a step that is stopped or takes too long is cancelled
            for name, runs in workflows.items():
                self._runs[name] = runs + self._runs.get(name, [])
            raise
        self._waiting -= len(added)
