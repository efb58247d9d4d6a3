"""Dispatches waiting runs fairly and in bounded numbers, and redispatches unclaimed ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service import metrics
from jobs_service.leadership import Leader, WakeUpEvent
from jobs_service.queue.backlog import Backlog, DispatchPublisher, ReservationWatch, first_dispatch, is_due
from jobs_service.queue.capacity import ActiveRun, Demand, Queue, QueueCounter, QueueState, WaitingRun, round_robin
from shared.broker.ports import WorkQueue
from shared.clock import Clock
from shared.contracts.messages import DurableRunDispatched
from shared.ids import new_id
from shared.observe.logging import get_logger

log = get_logger("dispatcher")
RECOUNT_SECONDS: Final = 300.0
RECOUNT_SOON_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """Limits on the number of dispatched, unclaimed runs and the time before redispatch."""

    window: int
    redispatch_after: timedelta
    shows_workspaces: bool = False
    """Whether metrics include each workspace's queue length."""


@dataclass(frozen=True, slots=True)
class Round:
    """Runs to publish next."""

    unclaimed: Sequence[WaitingRun]
    """Published before but unclaimed."""
    requeued: Sequence[WaitingRun]
    """Started before: their worker was lost, or their pause ended."""
    waiting: Sequence[WaitingRun]

    @property
    def runs(self) -> list[WaitingRun]:
        """Return all runs, longest waiting first."""
        return [*self.unclaimed, *self.requeued, *self.waiting]


class Dispatcher:
    """Dispatcher of waiting runs; active only in the leader.

    The store marks a round before it is published. Each step retries what could not be published; runs lost with this
    process or in the broker are found unclaimed and republished.
    """

    def __init__(
        self,
        queue: Queue,
        work: WorkQueue,
        leader: Leader,
        policy: DispatchPolicy,
        *,
        clock: Clock,
        wake_up: WakeUpEvent,
    ) -> None:
        """`wake_up` wakes the dispatcher, which sets whether there is room for new runs."""
        self._queue = queue
        self._publisher = DispatchPublisher(work)
        self._leader = leader
        self._policy = policy
        self._clock = clock
        self._wake_up = wake_up
        self._backlog = Backlog(queue, clock)
        self._watch = ReservationWatch(clock)
        self._term: int | None = None
        self._unclaimed: dict[str, str] = {}
        self._last_served = ""
        self._recount_at = 0.0
        self._recount_seconds = RECOUNT_SOON_SECONDS

    async def step(self) -> None:
        """Run one round. Raises Unavailable."""
        term = await self._leader.term()
        if term != self._term:
            self._reset(term)
        if term is not None:
            await self._round(term)

    async def stop(self) -> None:
        """Give up leadership."""
        await self._leader.resign()

    async def _round(self, term: int) -> None:
        await self._recount(term)
        await self._publisher.publish()
        state = await self._queue.state()
        await self._expire_reservations(state)
        if not self._publisher.is_done:
            return
        await self._observe(state)
        await self._settle(state, term)
        slots = max(0, self._policy.window - sum(run.is_dispatched for run in state.active))
        demands = self._demands(state)
        round_ = self._plan(state, demands, slots)
        self._observe_waiting(state, demands, round_)
        taken = await self._dispatch(round_, state) if round_.runs else 0
        self._wake_up.has_capacity = slots > taken
        await self._publisher.publish()

    async def _dispatch(self, round_: Round, state: QueueState) -> int:
        """Mark the runs and queue their messages; return how many dispatch slots they take."""
        dispatch_id = new_id()
        try:
            marked = await self._queue.mark(dispatch_id, [run.run_id for run in round_.runs], state.now)
        except BaseException:  # a step that is stopped or takes too long is cancelled
            self._reset(self._term)  # some runs may be marked already
            raise
        self._publisher.add(
            DurableRunDispatched(run.run_id, dispatch_id, run.workspace_id)
            for run in round_.runs
            if run.run_id in marked
        )
        self._unclaimed |= {run.run_id: run.workspace_id for run in round_.waiting if run.run_id in marked}
        metrics.DISPATCHES.inc(len(marked))
        metrics.REDISPATCHES.inc(len(round_.unclaimed))
        return len(marked - {run.run_id for run in round_.unclaimed})

    async def _settle(self, state: QueueState, term: int) -> None:
        """Subtract runs that left the queue since the last round: claimed or cancelled."""
        still = {run.run_id: run.workspace_id for run in state.active if run.is_dispatched and not run.has_started}
        departed = Counter(name for run_id, name in self._unclaimed.items() if run_id not in still)
        departed.update(state.unsettled.values())
        self._unclaimed = still
        if departed:
            try:
                await self._queue.settle(departed, list(state.unsettled), term)
            except BaseException:  # a step that is stopped or takes too long is cancelled
                self._schedule_recount()  # the runs may be subtracted or not
                raise

    def _plan(self, state: QueueState, demands: Mapping[str, Demand], slots: int) -> Round:
        unclaimed = [_as_waiting(run) for run in state.active if run.is_dispatched and self._is_overdue(run, state)]
        requeued = [_as_waiting(run) for run in _within_limits(state)][:slots]
        workspace_ids = round_robin(demands, slots - len(requeued), after=self._last_served)
        waiting = self._backlog.take(workspace_ids)
        if waiting:
            self._last_served = waiting[-1].workspace_id
        return Round(unclaimed, requeued, waiting)

    def _demands(self, state: QueueState) -> Mapping[str, Demand]:
        active = Counter(run.workspace_id for run in state.active if not run.is_replay)
        waiting = self._waiting(state)
        return {
            name: Demand(waiting[name], active[name], counter.concurrency_limit)
            for name, counter in state.counters.items()
        }

    def _waiting(self, state: QueueState) -> Mapping[str, int]:
        unclaimed = Counter(run.workspace_id for run in state.active if run.is_dispatched and not run.has_started)
        return {name: max(0, counter.queued - unclaimed[name]) for name, counter in state.counters.items()}

    def _is_overdue(self, run: ActiveRun, state: QueueState) -> bool:
        if run.dispatched_at is None:
            return False
        return is_due(run.dispatched_at, run.dispatches, state.now, self._policy.redispatch_after)

    async def _observe(self, state: QueueState) -> None:
        await self._backlog.refill({name: count for name, count in self._waiting(state).items() if count})
        metrics.QUEUED.set(state.overall.queued)
        metrics.UNCLAIMED_SECONDS.set(_oldest_unclaimed(state, self._policy.redispatch_after))
        if self._policy.shows_workspaces:
            metrics.show_workspaces({name: each.queued for name, each in state.counters.items() if each.queued})

    async def _expire_reservations(self, state: QueueState) -> None:
        """Expire reservations of frozen or killed processes, and recount."""
        for reservation in self._watch.expired(state.reservations):
            log.warning("reservation_expired", reservation_id=reservation.id, runs=reservation.total)
            await self._queue.expire(reservation)
            self._schedule_recount()

    def _observe_waiting(self, state: QueueState, demands: Mapping[str, Demand], round_: Round) -> None:
        """Report runs that wait for the dispatcher or workers, not those that wait for their workspace's concurrency
        slots.
        """
        served = Counter(run.workspace_id for run in round_.waiting)
        at_limit = {name for name, demand in demands.items() if demand.is_full_after(served[name])}
        dispatched = sum(run.is_dispatched for run in state.active)
        waiting = sum(demand.eligible for demand in demands.values())
        metrics.READY.set(dispatched + len(_within_limits(state)) + waiting)
        metrics.OLDEST_SECONDS.set(self._backlog.oldest_seconds(state.now, at_limit))

    async def _recount(self, term: int) -> None:
        now = self._clock.monotonic()
        if now < self._recount_at:
            return
        found = await self._queue.recount(term)
        if found.corrected:
            metrics.CORRECTED.inc(found.corrected)
            log.info("capacity_counters_repaired", corrected=found.corrected)
        self._unclaimed = dict(found.unclaimed)
        self._recount_seconds = RECOUNT_SECONDS if found.is_certain else min(RECOUNT_SECONDS, 2 * self._recount_seconds)
        self._recount_at = now + self._recount_seconds

    def _schedule_recount(self) -> None:
        self._recount_at = 0.0
        self._recount_seconds = RECOUNT_SOON_SECONDS

    def _reset(self, term: int | None) -> None:
        """Reset state that may differ from the store."""
        self._term = term
        self._wake_up.has_capacity = True
        self._backlog.clear()
        self._watch.clear()
        self._publisher.clear()
        self._unclaimed.clear()
        self._schedule_recount()
        if term is None:
            metrics.QUEUED.set(0)
            metrics.READY.set(0)
            metrics.OLDEST_SECONDS.set(0)
            metrics.UNCLAIMED_SECONDS.set(0)
            metrics.show_workspaces({})


def _within_limits(state: QueueState) -> list[ActiveRun]:
    """Return the requeued runs within their workspaces' concurrency; they precede fresh runs."""
    in_progress = Counter(run.workspace_id for run in state.active if not run.is_requeued and not run.is_replay)
    allowed = []
    for run in state.active:
        counter = state.counters.get(run.workspace_id, QueueCounter())
        if run.is_requeued and in_progress[run.workspace_id] < counter.concurrency_limit:
            in_progress[run.workspace_id] += 1
            allowed.append(run)
    return allowed


def _oldest_unclaimed(state: QueueState, delay: timedelta) -> float:
    """Return the seconds since the first dispatch of the oldest unclaimed run. A redispatch does not reset them."""
    first = [
        first_dispatch(run.dispatched_at, run.dispatches, delay)
        for run in state.active
        if run.is_dispatched and run.dispatched_at is not None
    ]
    return max(0.0, (state.now - min(first)).total_seconds()) if first else 0.0


def _as_waiting(run: ActiveRun) -> WaitingRun:
    return WaitingRun(run.run_id, run.workspace_id)
