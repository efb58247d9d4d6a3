"""Stand-ins for the parts of jobs-service, in memory."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.unit.jobs.makers import NOW

from jobs_service.domain.capacity import Ledger, QueueLimits
from jobs_service.ports import ActiveRun, Dispatch, Leadership, LeadershipLost, QueueState, WaitingRun
from shared.broker.ports import BrokerUnavailable, Handler, Subscription
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.messages import DurableRunDispatched, Message
from shared.errors import FlowportError


class ManualClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """NOW and what has passed."""
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """What has passed."""
        return self.seconds


class FakeLeases:
    """Leases that a test gives away."""

    def __init__(self) -> None:
        self.holders: dict[str, str] = {}
        self.asked = 0

    async def hold(self, leadership: Leadership, ttl: timedelta) -> bool:
        """See Leases."""
        self.asked += 1
        return self.holders.setdefault(leadership.name, leadership.holder) == leadership.holder

    async def leave(self, leadership: Leadership) -> None:
        """See Leases."""
        if self.holders.get(leadership.name) == leadership.holder:
            del self.holders[leadership.name]


class FakeWork:
    """A work queue that keeps what it was given, while it is up."""

    def __init__(self) -> None:
        self.is_up = True
        self.sent: list[DurableRunDispatched] = []

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        """See WorkQueue."""
        if not self.is_up:
            raise BrokerUnavailable("the broker is away")
        assert isinstance(message, DurableRunDispatched)
        self.sent.append(message)

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> Subscription:
        """See WorkQueue."""
        raise NotImplementedError


class FakeQueue:
    """The queue and its books, as lists."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.waiting_runs: defaultdict[str, list[str]] = defaultdict(list)
        self.unclaimed: dict[str, ActiveRun] = {}
        self.at_work: dict[str, ActiveRun] = {}
        self.booked: defaultdict[str, int] = defaultdict(int)
        self.concurrency = 100
        self.departed: defaultdict[str, int] = defaultdict(int)
        self.recounts = 0
        self.leader_elsewhere = False
        self.refuses: FlowportError | None = None

    def add(self, workspace_id: str, *run_ids: str) -> None:
        """These runs wait."""
        self.waiting_runs[workspace_id] += run_ids

    def claim(self, run_id: str) -> None:
        """A worker takes the run."""
        run = self.unclaimed.pop(run_id)
        self.at_work[run_id] = _active(run.run_id, run.workspace_id, begun=True)

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | FlowportError]:
        """See Queue."""
        raise NotImplementedError

    async def state(self) -> QueueState:
        """See Queue."""
        names = {*self.waiting_runs, *self.booked}
        ledgers = {name: self._ledger(name) for name in names}
        active = [*self.unclaimed.values(), *self.at_work.values()]
        overall = Ledger(queued=sum(ledger.queued for ledger in ledgers.values()))
        return QueueState(self.clock.now(), ledgers, overall, active)

    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        """See Queue."""
        return [WaitingRun(run_id, workspace_id, NOW) for run_id in self.waiting_runs[workspace_id][:limit]]

    async def dispatch(self, dispatch: Dispatch, leadership: Leadership) -> frozenset[str]:
        """See Queue."""
        if self.refuses:
            raise self.refuses
        if self.leader_elsewhere:
            raise LeadershipLost(leadership.name)
        marked = {run.run_id for run in dispatch.fresh if run.run_id in self.waiting_runs[run.workspace_id]}
        for run in dispatch.fresh:
            if run.run_id in marked:
                self.waiting_runs[run.workspace_id].remove(run.run_id)
                self.booked[run.workspace_id] += 1
        for run in (*dispatch.fresh, *dispatch.again):
            known = self.unclaimed.get(run.run_id)
            dispatches = known.dispatches + 1 if known else 1
            self.unclaimed[run.run_id] = _active(
                run.run_id, run.workspace_id, dispatched_at=self.clock.now(), dispatches=dispatches
            )
            marked.add(run.run_id)
        for name, count in dispatch.departed.items():
            self.booked[name] -= count
            self.departed[name] += count
        return frozenset(marked)

    async def recount(self, leadership: Leadership) -> int:
        """See Queue."""
        self.recounts += 1
        return 0

    def _ledger(self, name: str) -> Ledger:
        waiting, booked = len(self.waiting_runs[name]), self.booked[name]
        return Ledger(queued=waiting + booked, dispatched=booked, concurrency_limit=self.concurrency)


def _active(
    run_id: str,
    workspace_id: str,
    *,
    begun: bool = False,
    dispatched_at: datetime | None = None,
    dispatches: int = 1,
) -> ActiveRun:
    return ActiveRun(
        run_id=run_id,
        workspace_id=workspace_id,
        is_dispatched=not begun,
        is_requeued=False,
        has_begun=begun,
        dispatched_at=dispatched_at,
        dispatches=dispatches,
    )
