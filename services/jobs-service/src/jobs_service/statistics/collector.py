"""Sums ended runs of each workflow by minute."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from jobs_service.runs.documents import RunResult
from jobs_service.runs.run import Run
from jobs_service.statistics.intervals import (
    MINUTE_MS,
    Group,
    IntervalRepository,
    Measures,
    RunCountRepository,
    StoredInterval,
)
from shared.clock import epoch_ms, ms_between
from shared.contracts.statistics import LastRun, RunStatistics

MINUTES_AT_ONCE: Final = 50
"""A larger write could exceed the time limit of the store."""
MAX_STEPS: Final = 8
"""Steps after which statistics are stored, however many workflows run."""
_Minute = tuple[str, str, int]
"""Workspace, workflow and time."""


class StatisticsCollector:
    """Collects ended runs by the minute of their request and stores sums of them in batches.

    A killed process loses a few seconds of them.
    """

    def __init__(self, repository: IntervalRepository) -> None:
        self._repository = repository
        self._minutes: dict[_Minute, dict[Group, Measures]] = {}

    def add(self, run: Run, result: RunResult | None) -> None:
        """Add the run if it has ended; one that never started does not count."""
        if not run.phase.is_terminal or run.started_at is None or run.ended_at is None:
            return
        minute = run.workspace_id, run.workflow_id, epoch_ms(run.created_at) // MINUTE_MS * MINUTE_MS
        group = Group(run.trigger, run.version, run.status.value)
        duration_ms = None if result is None else result.duration_ms
        self._measures(minute, group).add_run(
            duration_ms=ms_between(run.started_at, run.ended_at) if duration_ms is None else duration_ms,
            tokens=0 if result is None else result.usage.input_tokens + result.usage.output_tokens,
            cost_usd=0.0 if result is None else result.usage.cost_usd,
        )

    async def step(self) -> None:
        """Store all collected statistics. Raises Unavailable."""
        await self._store(len(self._minutes))

    async def step_some(self) -> None:
        """Store the oldest of the collected statistics: those of many workflows in several steps. Raises Unavailable.

        So runs of a workflow share a write although each workflow has few.
        """
        await self._store(max(MINUTES_AT_ONCE, len(self._minutes) // MAX_STEPS))

    async def _store(self, count: int) -> None:
        waiting = list(islice(self._minutes, count))
        for first in range(0, len(waiting), MINUTES_AT_ONCE):
            await self._store_minutes(waiting[first : first + MINUTES_AT_ONCE])

    async def _store_minutes(self, stored: Sequence[_Minute]) -> None:
        minutes = {minute: self._minutes.pop(minute) for minute in stored if minute in self._minutes}
        if not minutes:
            return
        try:
            await self._repository.add([StoredInterval(*minute, groups) for minute, groups in minutes.items()])
        except BaseException:  # a step that is stopped or takes too long is cancelled
            for minute, groups in minutes.items():
                for group, measures in groups.items():
                    self._measures(minute, group).add(measures)
            raise

    def _measures(self, minute: _Minute, group: Group) -> Measures:
        groups = self._minutes.setdefault(minute, {})
        measures = groups.get(group)
        if measures is None:
            measures = groups[group] = Measures()
        return measures


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
