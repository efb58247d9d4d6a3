"""The queue of runs, and its capacity counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobs_service.queue.capacity import QueueCounter, QueueLimits, Reservation
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import FlowportError


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that holds one of its workspace's concurrent places."""

    run_id: str
    workspace_id: str
    is_dispatched: bool
    is_requeued: bool
    has_begun: bool
    dispatched_at: datetime | None
    dispatches: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """The counters and the runs under way, at one moment."""

    now: datetime
    counters: Mapping[str, QueueCounter]
    overall: QueueCounter
    reservations: Sequence[Reservation]
    """Capacity that is reserved for batches that are being stored, or were until a moment ago."""
    active: Sequence[ActiveRun]
    unbooked: Mapping[str, str]
    """Runs that left the queue undispatched, and their workspaces; the counters still include them."""


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run to be dispatched."""

    run_id: str
    workspace_id: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recount:
    """What a recount found."""

    wrong_places: int
    unclaimed: Mapping[str, str]
    """The runs that are dispatched and unclaimed, and their workspaces."""
    is_certain: bool
    """False where an open batch of the previous version may have hidden something."""


class QueueCounters(Protocol):
    """Capacity counters, for readers."""

    async def counter(self, workspace_id: str) -> tuple[QueueCounter, datetime]:
        """Return a workspace's counter, and the store's time when it was read."""
        ...


class Queue(Protocol):
    """The queue and its counters. A leader writes with its term; writes of earlier terms are void."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | FlowportError]:
        """Store the runs that there is capacity for.

        Each answer: accepted, AtCapacity, RunIdTaken, Unavailable (not stored), or OutcomeUncertain.
        """
        ...

    async def end_reservations(self) -> None:
        """Remove this process's reservations whose runs are stored."""
        ...

    async def state(self) -> QueueState: ...

    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        """The workspace's oldest waiting runs."""
        ...

    async def mark(self, dispatch_id: str, run_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Mark these runs as published; those that were marked, the others being claimed or over."""
        ...

    async def settle(self, departed: Mapping[str, int], unbooked: Sequence[str], term: int) -> None:
        """Subtract runs that left the queue, by workspace; those of them that were `unbooked` are so no more."""
        ...

    async def expire(self, reservation: Reservation) -> None:
        """Keep a reservation from storing further runs, and remove it. A recount then returns what it did not use."""
        ...

    async def recount(self, term: int) -> Recount:
        """Make the counters agree with runs and reservations, and close them to earlier leaders."""
        ...
