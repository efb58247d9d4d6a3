"""Hands waiting runs to the workers' queue: fairly, not too many at once, and again where nobody claimed them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Final

from jobs_service import metrics
from jobs_service.application.backlog import Backlog
from jobs_service.application.leader import Leader
from jobs_service.domain.fairness import Demand, next_turns
from jobs_service.domain.redispatch import is_due
from jobs_service.ports import ActiveRun, Dispatch, LeadershipLost, Queue, QueueState, WaitingRun
from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.broker.topology import ASYNC
from shared.clock import Clock
from shared.contracts.messages import DurableRunDispatched
from shared.ids import new_id
from shared.observe.logging import get_logger

log = get_logger("dispatching")
RECOUNT_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class DispatchPolicy:
    """How many runs may be published and unclaimed, and how long one may stay so."""

    window: int
    patience: timedelta


class Dispatching:
    """One dispatcher. Only the one that leads does anything.

    A round is marked in the store before it is published. What cannot be published is tried again at every step; what
    was lost with this process, or in the broker, is found unclaimed and published anew.
    """

    def __init__(self, queue: Queue, work: WorkQueue, leader: Leader, policy: DispatchPolicy, clock: Clock) -> None:
        self._queue = queue
        self._work = work
        self._leader = leader
        self._policy = policy
        self._clock = clock
        self._backlog = Backlog(queue, clock)
        self._unsent: dict[str, DurableRunDispatched] = {}
        self._served_last = ""
        self._recounted_at: float | None = None

    async def step(self) -> None:
        """One round. Raises Unavailable."""
        if not await self._leader.leads():
            self._stand_by()
            return
        try:
            await self._round()
        except LeadershipLost:
            self._leader.lost()
            self._stand_by()

    async def stop(self) -> None:
        """Let another process lead."""
        await self._leader.leave()

    async def _round(self) -> None:
        await self._recount()
        await self._publish()
        if self._unsent:
            return
        state = await self._queue.state()
        await self._observe(state)
        dispatch = self._plan(state)
        if not (dispatch.fresh or dispatch.again or dispatch.departed):
            return
        marked = await self._mark(dispatch)
        for run in chain(dispatch.again, dispatch.fresh):
            if run.run_id in marked:
                self._unsent[run.run_id] = DurableRunDispatched(run.run_id, dispatch.id, run.workspace_id)
        metrics.DISPATCHES.inc(len(marked))
        await self._publish()

    async def _mark(self, dispatch: Dispatch) -> frozenset[str]:
        try:
            return await self._queue.dispatch(dispatch, self._leader.leadership)
        except Exception:
            self._backlog.clear()  # what was taken from it still waits
            raise

    def _plan(self, state: QueueState) -> Dispatch:
        unclaimed = [run for run in state.active if run.is_dispatched]
        again = [_as_waiting(run) for run in unclaimed if self._is_overdue(run, state)]
        metrics.REDISPATCHES.inc(len(again))
        places = max(0, self._policy.window - len(unclaimed))
        requeued = [_as_waiting(run) for run in state.active if run.is_requeued][:places]
        turns = next_turns(_demands(state), places - len(requeued), after=self._served_last)
        fresh = self._backlog.take(turns)
        if fresh:
            self._served_last = fresh[-1].workspace_id
        return Dispatch(new_id(), state.now, fresh, [*again, *requeued], _departed(state, unclaimed))

    def _is_overdue(self, run: ActiveRun, state: QueueState) -> bool:
        if run.dispatched_at is None:
            return False
        return is_due(run.dispatched_at, run.dispatches, state.now, self._policy.patience)

    async def _publish(self) -> None:
        messages = list(self._unsent.values())
        results = await asyncio.gather(
            *(self._work.publish(ASYNC, message) for message in messages), return_exceptions=True
        )
        failed = 0
        for message, failure in zip(messages, results, strict=True):
            if failure is None:
                del self._unsent[message.run_id]
            elif isinstance(failure, QueueFull | BrokerUnavailable):
                failed += 1
            else:
                raise failure
        if failed:
            log.warning("runs wait for the broker", count=failed)

    async def _observe(self, state: QueueState) -> None:
        waiting = {name: ledger.waiting for name, ledger in state.ledgers.items() if ledger.waiting}
        await self._backlog.refill(waiting)
        metrics.QUEUED.set(state.overall.queued)
        metrics.OLDEST_SECONDS.set(self._backlog.oldest_seconds(state.now))

    async def _recount(self) -> None:
        now = self._clock.monotonic()
        if self._recounted_at is not None and now - self._recounted_at < RECOUNT_SECONDS:
            return
        corrected = await self._queue.recount(self._leader.leadership)
        if corrected:
            metrics.CORRECTED.inc(corrected)
            log.warning("the queue's books were wrong", places=corrected)
        self._recounted_at = now

    def _stand_by(self) -> None:
        self._backlog.clear()
        self._unsent.clear()
        self._recounted_at = None
        metrics.QUEUED.set(0)
        metrics.OLDEST_SECONDS.set(0)


def _demands(state: QueueState) -> Mapping[str, Demand]:
    active = Counter(run.workspace_id for run in state.active)
    return {
        name: Demand(ledger.waiting, active[name], ledger.concurrency_limit) for name, ledger in state.ledgers.items()
    }


def _departed(state: QueueState, unclaimed: Sequence[ActiveRun]) -> Mapping[str, int]:
    """Runs booked as dispatched that are no more: claimed, or cancelled."""
    still = Counter(run.workspace_id for run in unclaimed if not run.has_begun)
    departed = {name: ledger.dispatched - still[name] for name, ledger in state.ledgers.items()}
    return {name: count for name, count in departed.items() if count > 0}


def _as_waiting(run: ActiveRun) -> WaitingRun:
    return WaitingRun(run.run_id, run.workspace_id)
