"""The queue of runs, and its books."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobs_service.domain.capacity import Ledger, Offer, QueueLimits
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
    """The books and the runs under way, at one moment."""

    now: datetime
    ledgers: Mapping[str, Ledger]
    overall: Ledger
    offers: Sequence[Offer]
    active: Sequence[ActiveRun]
    unbooked: Mapping[str, str]
    """Runs that left the queue undispatched, and their workspaces; the books do not know it yet."""


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
    """False where batches under way may have hidden something."""


class Ledgers(Protocol):
    """The books of the queue, for whoever wants to know how it stands."""

    async def ledger(self, workspace_id: str) -> tuple[Ledger, datetime]:
        """A workspace's books, and the time by which they are so."""
        ...


class Queue(Protocol):
    """The queue and its books. Who leads writes with a term; an earlier leader's writes come to nothing."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | FlowportError]:
        """Store those that there is room for. Each answer: accepted, AtCapacity, or RunIdTaken."""
        ...

    async def state(self) -> QueueState: ...

    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        """The workspace's oldest waiting runs."""
        ...

    async def mark(self, dispatch_id: str, run_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Mark these runs as published; those that were marked, the others being claimed or over."""
        ...

    async def settle(self, departed: Mapping[str, int], unbooked: Sequence[str], term: int) -> None:
        """Book runs that have left the queue, by workspace; those of them that were `unbooked` are so no more."""
        ...

    async def withdraw(self, offer: Offer) -> None:
        """Take back a batch that was never accepted, with its waiting runs."""
        ...

    async def recount(self, term: int) -> Recount:
        """Make the books agree with the runs, and close them to earlier leaders."""
        ...
