"""Who may still join the queue: exact per workspace and overall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from jobs_service.domain.drain import Drain, retry_after
from shared.errors import AtCapacity, FullQueue

DEFAULT_CONCURRENCY: Final = 5
ABANDONED_AFTER: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The books of one workspace's queue, or of all together."""

    queued: int = 0
    """Accepted and not yet begun: waiting or dispatched."""
    concurrency_limit: int = DEFAULT_CONCURRENCY
    drain: Drain | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Places that a batch of runs is about to take. One that has no end was left by a process that is gone."""

    id: str
    at: datetime
    places: Mapping[str, int]
    run_ids: Sequence[str]

    @property
    def total(self) -> int:
        """Places in all."""
        return sum(self.places.values())

    def is_abandoned(self, now: datetime) -> bool:
        """Whether nobody will end it any more."""
        return self.at + ABANDONED_AFTER <= now


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many runs may be queued."""

    per_workspace: int
    overall: int


@dataclass(slots=True)
class Admission:
    """Decides a batch of requests against the books, one after the other."""

    limits: QueueLimits
    ledgers: Mapping[str, Ledger]
    overall: Ledger
    now: datetime
    taken: dict[str, int] = field(default_factory=dict)

    def refusal_of(self, workspace_id: str) -> AtCapacity | None:
        """None takes a place; otherwise why there is none. The workspace's own limit speaks first."""
        ledger = self.ledgers.get(workspace_id, _EMPTY)
        if ledger.queued + self.taken.get(workspace_id, 0) >= self.limits.per_workspace:
            return self._full(FullQueue.WORKSPACE, self.limits.per_workspace, ledger)
        if self.overall.queued + self.total >= self.limits.overall:
            return self._full(FullQueue.GLOBAL, self.limits.overall, self.overall)
        self.taken[workspace_id] = self.taken.get(workspace_id, 0) + 1
        return None

    @property
    def total(self) -> int:
        """Places taken so far."""
        return sum(self.taken.values())

    def _full(self, queue: FullQueue, limit: int, ledger: Ledger) -> AtCapacity:
        return AtCapacity(
            "Service temporarily at capacity",
            details={"message": f"{_SPOKEN[queue]} queue is at capacity ({limit}/{limit})", "limit": queue.value},
            retry_after=retry_after(ledger.drain, self.now),
        )


_EMPTY: Final = Ledger()
_SPOKEN: Final = {FullQueue.WORKSPACE: "Workspace", FullQueue.GLOBAL: "Global dispatch"}
