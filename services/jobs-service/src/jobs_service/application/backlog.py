"""The heads of the workspaces' queues, read ahead: asking for the oldest run each time would be slow in long queues."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jobs_service.ports import Queue, WaitingRun
from shared.clock import Clock

READ_AHEAD: Final = 500
STALE_SECONDS: Final = 30.0
REFILLS_AT_ONCE: Final = 50


@dataclass(slots=True)
class _Head:
    runs: deque[WaitingRun]
    read_at: float


class Backlog:
    """What is known of each workspace's waiting runs, oldest first. May name some that have left since."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._heads: dict[str, _Head] = {}

    async def refill(self, waiting: Mapping[str, int]) -> None:
        """Read the heads that are missing, empty or old, of the workspaces that have waiting runs."""
        self._heads = {name: head for name, head in self._heads.items() if name in waiting}
        now = self._clock.monotonic()
        wanted = [name for name in waiting if self._is_stale(name, now)]
        for name in wanted[:REFILLS_AT_ONCE]:
            self._heads[name] = _Head(deque(await self._queue.waiting(name, READ_AHEAD)), now)

    def take(self, turns: Sequence[str]) -> list[WaitingRun]:
        """The next run of each turn's workspace, where one is known."""
        return [self._heads[name].runs.popleft() for name in turns if name in self._heads and self._heads[name].runs]

    def oldest_seconds(self, now: datetime) -> float:
        """How long the oldest of them has waited."""
        firsts = [head.runs[0].created_at or now for head in self._heads.values() if head.runs]
        return max(((now - first).total_seconds() for first in firsts), default=0.0)

    def clear(self) -> None:
        """Forget everything."""
        self._heads.clear()

    def _is_stale(self, name: str, now: float) -> bool:
        head = self._heads.get(name)
        return head is None or not head.runs or now - head.read_at > STALE_SECONDS
