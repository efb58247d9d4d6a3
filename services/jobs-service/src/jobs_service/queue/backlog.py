"""Cache of each workspace's oldest waiting runs: one query per run would be slow in long queues."""

from collections import deque
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jobs_service.queue.ports import Queue, WaitingRun
from shared.clock import Clock, ms_between

READ_AHEAD: Final = 500
STALE_SECONDS: Final = 30.0
REFILLS_AT_ONCE: Final = 50
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Head:
    runs: deque[WaitingRun]
    read_at: float


class Backlog:
    """Cached waiting runs of each workspace, oldest first. May include runs that have since left."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._heads: dict[str, _Head] = {}
        self._blocked_since: dict[str, datetime] = {}

    async def refill(self, waiting: Mapping[str, int]) -> None:
        """Read the queue heads that are missing, empty or old, for workspaces with waiting runs."""
        self._heads = {name: head for name, head in self._heads.items() if name in waiting}
        self._blocked_since = {name: at for name, at in self._blocked_since.items() if name in waiting}
        now = self._clock.monotonic()
        wanted = [name for name in waiting if self._is_stale(name, now)]
        for name in wanted[:REFILLS_AT_ONCE]:
            self._heads[name] = _Head(deque(await self._queue.waiting(name, READ_AHEAD)), now)

    def take(self, workspace_ids: Sequence[str]) -> list[WaitingRun]:
        """Return the next cached run of each of these workspaces; one may be named repeatedly."""
        return [
            self._heads[name].runs.popleft() for name in workspace_ids if name in self._heads and self._heads[name].runs
        ]

    def oldest_seconds(self, now: datetime, at_limit: Container[str]) -> float:
        """Return how long the oldest eligible run has waited.

        Workspaces in `at_limit` have no free slot: their runs wait for their own runs, not for the dispatcher.
        """
        self._blocked_since |= {name: now for name in self._heads if name in at_limit}
        since = [
            max(head.runs[0].created_at or now, self._blocked_since.get(name, _LONG_AGO))
            for name, head in self._heads.items()
            if head.runs and name not in at_limit
        ]
        return max((ms_between(first, now) / 1000 for first in since), default=0.0)

    def clear(self) -> None:
        """Clear the cache."""
        self._heads.clear()
        self._blocked_since.clear()

    def _is_stale(self, name: str, now: float) -> bool:
        head = self._heads.get(name)
        return head is None or not head.runs or now - head.read_at > STALE_SECONDS
