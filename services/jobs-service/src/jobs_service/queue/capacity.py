"""Capacity of the queue: how many runs may be queued, exact per workspace and overall."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import AtCapacity, FlowportError, FullQueue

WINDOW_SECONDS: Final = 30.0
"""Older departures fade: their weight falls by e in this time."""
SHORTEST_SECONDS: Final = 1.0
UNKNOWN_RETRY_SECONDS: Final = 10
MAX_RETRY_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Drain:
    """Decayed number of departures from one queue at `at`, counted from a start time."""

    level: float
    since: datetime
    at: datetime

    @classmethod
    def starting(cls, now: datetime) -> "Drain":
        """Start without departures."""
        return cls(0.0, now, now)

    def after(self, departed: int, now: datetime) -> "Drain":
        """Add departures at `now`. A queue that was idle for long is measured afresh."""
        if _seconds(self.at, now) > 4 * WINDOW_SECONDS:
            return Drain(departed, now, now)
        return Drain(self._decayed(now) + departed, self.since, now)

    def per_second(self, now: datetime) -> float | None:
        """Return the recent rate; None if too little is known."""
        level = self._decayed(now)
        if level < 0.05:
            return None
        watched = max(SHORTEST_SECONDS, _seconds(self.since, now))
        return level / (WINDOW_SECONDS * (1 - math.exp(-watched / WINDOW_SECONDS)))

    def _decayed(self, now: datetime) -> float:
        return self.level * math.exp(-_seconds(self.at, now) / WINDOW_SECONDS)


def retry_after(drain: Drain | None, now: datetime) -> int:
    """Return whole seconds until capacity is likely to be free."""
    rate = drain.per_second(now) if drain is not None else None
    if rate is None:
        return UNKNOWN_RETRY_SECONDS
    return min(MAX_RETRY_SECONDS, max(1, math.ceil(1 / rate)))


def expected_wait(drain: Drain | None, queued: int, now: datetime) -> float | None:
    """Return seconds until a run behind `queued` others starts; None if too little is known."""
    if queued <= 0:
        return 0.0
    rate = drain.per_second(now) if drain is not None else None
    return None if rate is None else queued / rate


def _seconds(earlier: datetime, later: datetime) -> float:
    return max(0.0, (later - earlier).total_seconds())


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


@dataclass(frozen=True, slots=True)
class Demand:
    """Waiting and active runs of one workspace, and its limit."""

    waiting: int
    active: int
    """Dispatched or in progress."""
    concurrency_limit: int

    @property
    def eligible(self) -> int:
        """Return how many more runs may be dispatched now."""
        return max(0, min(self.waiting, self.concurrency_limit - self.active))

    def is_full_after(self, served: int) -> bool:
        """Return whether no concurrency slot is left after dispatching `served` more runs."""
        return self.active + served >= self.concurrency_limit


def round_robin(demands: Mapping[str, Demand], slots: int, *, after: str = "") -> list[str]:
    """Return a workspace for each slot, in turn, starting after the workspace served last."""
    order = sorted(name for name, demand in demands.items() if demand.eligible)
    first = bisect_right(order, after)
    order = order[first:] + order[:first]
    left = {name: demands[name].eligible for name in order}
    chosen: list[str] = []
    while order and len(chosen) < slots:
        round_ = order[: slots - len(chosen)]
        chosen.extend(round_)
        for name in round_:
            left[name] -= 1
        order = [name for name in order if left[name]]
    return chosen


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


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """Counters, reservations and runs at one moment."""

    queued: Mapping[str, int]
    """Value of each workspace's counter."""
    overall: int
    """Value of the overall counter, which includes all of `reservations`."""
    reservations: Sequence[Reservation]
    taken: Mapping[str, Container[str]]
    """The ids of the reservations that the counter of each workspace includes."""
    stored_by: Mapping[str, str | None]
    """The reservation that stored each run. Two reservations may name the same run, and one of them stores it."""
    counted: Mapping[str, int]
    """The runs in the queue of each workspace."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Amounts to add to the counters."""

    workspaces: Mapping[str, int]
    overall: int


def corrections(snapshot: QueueSnapshot) -> Corrections:
    """Return the corrections: a counter must equal the runs that are queued plus those reserved and not stored.

    A batch of the previous version does not record which steps are done. While one is open, counters that may include
    its capacity are only lowered, and never below that capacity.
    """
    previous = [each for each in snapshot.reservations if each.is_of_previous_version]
    current = [each for each in snapshot.reservations if not each.is_of_previous_version]
    may_hold = Counter[str]()
    for each in previous:
        may_hold.update({name: len(run_ids) for name, run_ids in each.run_ids.items()})
    found = {}
    for name in sorted({*snapshot.queued, *snapshot.counted}):
        taken = snapshot.taken.get(name, ())
        reserved = sum(_unstored(each, name, snapshot) for each in current if each.id in taken)
        missing = snapshot.counted.get(name, 0) + reserved - snapshot.queued.get(name, 0)
        if difference := _certain(missing, may_hold[name]):
            found[name] = difference
    reserved = sum(_unstored(each, name, snapshot) for each in current for name in each.run_ids)
    missing = sum(snapshot.counted.values()) + reserved - snapshot.overall
    return Corrections(found, _certain(missing, may_hold.total()))


def _unstored(reservation: Reservation, workspace_id: str, snapshot: QueueSnapshot) -> int:
    run_ids = reservation.run_ids.get(workspace_id, ())
    return sum(snapshot.stored_by.get(run_id) != reservation.id for run_id in run_ids)


def _certain(missing: int, may_hold: int) -> int:
    return min(0, missing + may_hold) if may_hold else missing
