"""Capacity of the queue: how many runs may be queued, exact per workspace and overall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jobs_service.queue.drain_rate import Drain, retry_after
from shared.errors import AtCapacity, FullQueue

DEFAULT_CONCURRENCY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounter:
    """Capacity counter of one workspace's queue, or of all queues together."""

    queued: int = 0
    """Accepted and not yet claimed: waiting or dispatched. Includes reserved capacity."""
    concurrency_limit: int = DEFAULT_CONCURRENCY
    drain: Drain | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Capacity that a batch of runs holds until each of them is stored or refused."""

    id: str
    run_ids: Mapping[str, Sequence[str]]
    """By workspace. Each run holds one unit of its workspace's capacity and one of the overall capacity."""
    is_of_previous_version: bool = False

    @property
    def total(self) -> int:
        """Return the number of runs."""
        return sum(map(len, self.run_ids.values()))


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many runs may be queued."""

    per_workspace: int
    overall: int


@dataclass(slots=True)
class Admission:
    """Decides a batch's requests against the counters, one after the other."""

    limits: QueueLimits
    counters: Mapping[str, QueueCounter]
    overall: QueueCounter
    now: datetime
    taken: dict[str, int] = field(default_factory=dict)

    def refusal_of(self, workspace_id: str) -> AtCapacity | None:
        """Admit one run, or return why there is no capacity for it. The workspace's own limit is checked first."""
        counter = self.counters.get(workspace_id, _EMPTY)
        if counter.queued + self.taken.get(workspace_id, 0) >= self.limits.per_workspace:
            return self._full(FullQueue.WORKSPACE, self.limits.per_workspace, counter)
        if self.overall.queued + self.total >= self.limits.overall:
            return self._full(FullQueue.GLOBAL, self.limits.overall, self.overall)
        self.taken[workspace_id] = self.taken.get(workspace_id, 0) + 1
        return None

    @property
    def total(self) -> int:
        """Return the number of runs admitted so far."""
        return sum(self.taken.values())

    def _full(self, queue: FullQueue, limit: int, counter: QueueCounter) -> AtCapacity:
        return AtCapacity(
            "Service temporarily at capacity",
            details={"message": f"{_LABELS[queue]} queue is at capacity ({limit}/{limit})", "limit": queue.value},
            retry_after=retry_after(counter.drain, self.now),
        )


_EMPTY: Final = QueueCounter()
_LABELS: Final = {FullQueue.WORKSPACE: "Workspace", FullQueue.GLOBAL: "Global dispatch"}
