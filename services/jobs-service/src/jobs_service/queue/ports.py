"""Port of the queue of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobs_service.queue.capacity import QueueCounter, QueueLimits, Reservation
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import FlowportError


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that is dispatched or in progress. It holds one of its workspace's concurrency slots, unless it replays a
    recorded run for a set.
    """

    run_id: str
    workspace_id: str
    is_dispatched: bool
    is_requeued: bool
    has_started: bool
    dispatched_at: datetime | None
    dispatches: int
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class QueueState:
    """Counters and active runs at one moment."""

    now: datetime
    counters: Mapping[str, QueueCounter]
    overall: QueueCounter
    reservations: Sequence[Reservation]
    """Capacity reserved for batches that are, or recently were, being stored."""
    active: Sequence[ActiveRun]
    unsettled: Mapping[str, str]
    """Runs that left the queue undispatched, and their workspaces; the counters still include them."""


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run to be dispatched."""

    run_id: str
    workspace_id: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recount:
    """Result of a recount."""

    corrected: int
    unclaimed: Mapping[str, str]
    """The runs that are dispatched and unclaimed, and their workspaces."""
    is_certain: bool
    """False if an open batch of the previous version may have hidden something."""


class Queue(Protocol):
    """The queue and its counters. A leader writes with its term; writes of earlier terms have no effect."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | FlowportError]:
        """Store the runs that there is capacity for.

        Each answer: accepted, AtCapacity, RunIdTaken, Unavailable (not stored), or OutcomeUncertain.
        """

    async def end_reservations(self) -> None:
        """Remove this process's reservations whose runs are stored."""

    async def state(self) -> QueueState: ...

    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        """The workspace's oldest waiting runs."""

    async def mark(self, dispatch_id: str, run_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Mark runs as published; return the marked ones. The others are claimed or ended."""

    async def settle(self, departed: Mapping[str, int], unsettled: Sequence[str], term: int) -> None:
        """Subtract runs that left the queue, by workspace; clear the mark of the `unsettled` ones."""

    async def expire(self, reservation: Reservation) -> None:
        """Prevent a reservation from storing further runs, and remove it. A recount then returns unused capacity."""

    async def recount(self, term: int) -> Recount:
        """Make the counters agree with runs and reservations, and close them to earlier leaders."""
