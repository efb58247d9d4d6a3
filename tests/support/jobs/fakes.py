"""Fakes for the parts of jobs-service, in memory."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.support.jobs.makers import NOW, RULES

from jobs_service.leadership import Leadership
from jobs_service.queue.capacity import (
    ActiveRun,
    QueueCounter,
    QueueLimits,
    QueueState,
    Recount,
    Reservation,
    WaitingRun,
)
from jobs_service.runs.documents import AdoptedRun, ClaimableRun, LoadedRun, RunResult
from jobs_service.runs.rules import renewed
from jobs_service.runs.run import Phase, Rules, Run
from shared.broker.ports import BrokerUnavailable, DeadLetterHandler, Handler, Listener, Subscription
from shared.contracts.claims import JournalEntry, JournalPage, JournalPosition
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.messages import ControlMessage, DurableRunDispatched, Message
from shared.errors import FlowportError


class ManualClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.step = 0.0
        """Offset of the wall clock, in seconds."""

    def now(self) -> datetime:
        """Return NOW plus the elapsed time."""
        return NOW + timedelta(seconds=self.seconds + self.step)

    def monotonic(self) -> float:
        """Return the elapsed time."""
        return self.seconds


class FakeLeases:
    """Leases that a test grants."""

    def __init__(self) -> None:
        self.holders: dict[str, str] = {}
        self.terms: dict[str, int] = {}
        self.requests = 0
        self.fails: FlowportError | None = None

    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        """See LeaseRepository."""
        self.requests += 1
        if self.fails:
            raise self.fails
        if leadership.name not in self.holders:
            self.give(leadership.name, leadership.holder)
        return self.terms[leadership.name] if self.holders[leadership.name] == leadership.holder else None

    async def release(self, leadership: Leadership) -> None:
        """See LeaseRepository."""
        if self.holders.get(leadership.name) == leadership.holder:
            del self.holders[leadership.name]

    def give(self, name: str, holder: str) -> None:
        """Start a new term."""
        self.holders[name] = holder
        self.terms[name] = self.terms.get(name, 0) + 1


class FakeControl:
    """Records broadcasts."""

    def __init__(self) -> None:
        self.messages: list[ControlMessage] = []
        self.is_up = True

    async def broadcast(self, message: ControlMessage) -> None:
        """Record the broadcast."""
        if not self.is_up:
            raise BrokerUnavailable("down")
        self.messages.append(message)

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> Listener:
        """Record the broadcast."""
        raise NotImplementedError


class FakeWork:
    """A work queue that stores its messages while it is available."""

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[DurableRunDispatched] = []

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        """Publish the message."""
        if not self.is_up:
            raise BrokerUnavailable("the broker is unavailable")
        assert isinstance(message, DurableRunDispatched)
        self.sent.append(message)

    async def consume(
        self,
        queue: str,
        handler: Handler,
        *,
        prefetch: int,
        may_be_missing: bool = False,
        free: Callable[[], int] | None = None,
    ) -> Subscription:
        """Do nothing."""
        raise NotImplementedError

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Subscription:
        """Do nothing."""
        raise NotImplementedError


class FakeQueue:
    """The queue and its counters, as lists."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.waiting_runs: defaultdict[str, list[str]] = defaultdict(list)
        self.unclaimed: dict[str, ActiveRun] = {}
        self.in_progress: dict[str, ActiveRun] = {}
        self.booked: defaultdict[str, int] = defaultdict(int)
        self.reservations: list[Reservation] = []
        self.concurrency = 100
        self.recounts: list[int] = []
        self.reads = 0
        """How often the head of a workspace's queue was read."""
        self.cancelled: set[str] = set()
        """Runs still listed as waiting that must not be dispatched."""
        self.fails: FlowportError | None = None
        self.hangs = False
        """Event without which writes do not complete."""

    def add(self, workspace_id: str, *run_ids: str) -> None:
        """Queue these runs."""
        self.waiting_runs[workspace_id] += run_ids
        self.booked[workspace_id] += len(run_ids)

    def claim(self, run_id: str) -> None:
        """Let a worker take the run."""
        run = self.unclaimed.pop(run_id)
        self.in_progress[run_id] = _active(run.run_id, run.workspace_id, begun=True)

    def requeue(self, run_id: str) -> None:
        """Its worker is lost."""
        self.in_progress[run_id] = replace(self.in_progress[run_id], is_requeued=True)

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | FlowportError]:
        raise NotImplementedError

    async def state(self) -> QueueState:
        counters = {
            name: QueueCounter(queued=count, concurrency_limit=self.concurrency) for name, count in self.booked.items()
        }
        active = [*self.unclaimed.values(), *self.in_progress.values()]
        overall = QueueCounter(queued=sum(self.booked.values()))
        return QueueState(self.clock.now(), counters, overall, self.reservations, active, {})

    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        self.reads += 1
        return [WaitingRun(run_id, workspace_id, NOW) for run_id in self.waiting_runs[workspace_id][:limit]]

    async def mark(self, dispatch_id: str, run_ids: Sequence[str], now: datetime) -> frozenset[str]:
        await self._fail()
        marked = set()
        for name, waiting in self.waiting_runs.items():
            for run_id in [run_id for run_id in run_ids if run_id in waiting and run_id not in self.cancelled]:
                waiting.remove(run_id)
                self.unclaimed[run_id] = _active(run_id, name, dispatched_at=now)
                marked.add(run_id)
        for run_id in run_ids:
            if run_id in self.unclaimed and run_id not in marked:
                again = self.unclaimed[run_id]
                self.unclaimed[run_id] = replace(again, dispatched_at=now, dispatches=again.dispatches + 1)
                marked.add(run_id)
            elif run_id in self.in_progress:
                run = self.in_progress.pop(run_id)
                self.unclaimed[run_id] = replace(run, is_requeued=False, is_dispatched=True, dispatched_at=now)
                marked.add(run_id)
        return frozenset(marked)

    async def settle(self, departed: Mapping[str, int], unbooked: Sequence[str], term: int) -> None:
        await self._fail()
        for name, count in departed.items():
            self.booked[name] -= count

    async def end_reservations(self) -> None:
        """Do nothing: tests expire reservations themselves."""

    async def expire(self, reservation: Reservation) -> None:
        self.reservations.remove(reservation)

    async def recount(self, term: int) -> Recount:
        self.recounts.append(term)
        unclaimed = {run.run_id: run.workspace_id for run in self.unclaimed.values()}
        for name in [*self.booked]:
            self.booked[name] = len(self.waiting_runs[name]) + list(unclaimed.values()).count(name)
        return Recount(0, unclaimed, is_certain=not any(each.is_of_previous_version for each in self.reservations))

    async def _fail(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        failure, self.fails = self.fails, None
        if failure:
            raise failure


class FakeRuns:
    """Runs by id, on a clock that tests move."""

    def __init__(self, clock: ManualClock, rules: Rules = RULES) -> None:
        self.clock = clock
        self.rules = rules
        self.kept: dict[str, Run] = {}
        self.answers_after = 0.0
        """Seconds that reading the clock takes."""

    async def now(self) -> datetime:
        """See RunRepository."""
        self.clock.seconds += self.answers_after
        return self.clock.now()

    async def load(self, run_id: str) -> LoadedRun | None:
        """See RunRepository."""
        return LoadedRun(self.kept[run_id], self.clock.now()) if run_id in self.kept else None

    async def claimable(self, run_id: str) -> ClaimableRun | None:
        """See RunRepository."""
        raise NotImplementedError

    async def replace(self, before: Run, after: Run, result: RunResult | None = None) -> bool:
        """See RunRepository."""
        if self.kept.get(before.id) != before:
            return False
        self.kept[before.id] = replace(after, revision=before.revision + 1)
        return True

    async def renew(self, run_id: str, attempt: int) -> bool:
        """See RunRepository."""
        run = self.kept.get(run_id)
        if run is None or run.phase is not Phase.PROCESSING or run.attempt != attempt or run.cancel_requested:
            return False
        return await self.replace(run, renewed(run, self.clock.now(), self.rules))

    async def find_overdue(self, limit: int, now: datetime, *, in_progress: bool = True) -> Sequence[LoadedRun]:
        """See RunRepository."""
        late = [run for run in self.kept.values() if run.due_at is not None and run.due_at <= now]
        return [LoadedRun(run, now) for run in late if in_progress or run.phase is not Phase.PROCESSING][:limit]

    async def expire_attached(self) -> None:
        """See RunRepository."""
        for run in self.kept.values():
            if run.phase is Phase.ATTACHED:
                await self.replace(run, replace(run, due_at=self.clock.now()))

    async def adopt(self, adopted: AdoptedRun) -> bool:
        """See RunRepository."""
        raise NotImplementedError

    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> bool:
        """See RunRepository."""
        raise NotImplementedError

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """See RunRepository."""
        raise NotImplementedError


class FakeJournal:
    """Entries by run, in order of arrival."""

    def __init__(self) -> None:
        self.kept: defaultdict[str, list[JournalEntry]] = defaultdict(list)

    async def append(self, run_id: str, attempt: int, entries: Sequence[JournalEntry]) -> None:
        """See JournalRepository."""
        self.kept[run_id] += entries

    async def read(self, run_id: str, behind: JournalPosition | None = None) -> JournalPage:
        """See JournalRepository. One page has them all."""
        return JournalPage(tuple(self.kept[run_id][0 if behind is None else behind.index + 1 :]))

    async def extend_retention(self, run_id: str) -> None:
        """See JournalRepository."""

    async def expire(self, run_ids: Sequence[str], at: datetime) -> None:
        """See JournalRepository."""

    async def inherit(self, run_id: str, entries: Sequence[JournalEntry], expires_at: datetime) -> None:
        """See JournalRepository."""
        self.kept[run_id] = list(entries)

    async def keep_inherited(self, run_id: str) -> int:
        """See JournalRepository."""
        return len(self.kept[run_id])

    async def discard(self, run_ids: Sequence[str]) -> None:
        """See JournalRepository."""
        for run_id in run_ids:
            self.kept.pop(run_id, None)


def _active(run_id: str, workspace_id: str, *, begun: bool = False, dispatched_at: datetime | None = None) -> ActiveRun:
    return ActiveRun(
        run_id=run_id,
        workspace_id=workspace_id,
        is_dispatched=not begun,
        is_requeued=False,
        has_started=begun,
        dispatched_at=dispatched_at,
        dispatches=1,
    )
