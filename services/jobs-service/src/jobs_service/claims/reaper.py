"""Ends or requeues overdue runs."""

from datetime import datetime, timedelta
from typing import Final

from jobs_service import metrics
from jobs_service.journal import JournalCleaner
from jobs_service.leadership import Leader, WakeUpEvent
from jobs_service.runs.documents import RunRepository
from jobs_service.runs.rules import overdue
from jobs_service.runs.run import Phase, Rules, Run
from shared.broker.ports import BrokerUnavailable, ControlBus
from shared.clock import Clock
from shared.contracts.messages import CancelRun
from shared.observe.logging import get_logger


class StoreClock:
    """Detects when the store's clock jumps ahead: it advances further than this process's monotonic clock.

    `tolerance` is the smallest jump that counts.
    """

    def __init__(self, tolerance: timedelta) -> None:
        self._tolerance = tolerance
        self._latest_start: datetime | None = None

    def jumped(self, now: datetime, *, sent_at: float, received_at: float) -> bool:
        """Return whether the clock jumped since the last reading.

        The store read `now` between `sent_at` and `received_at` of the monotonic clock, so that clock's zero is known
        up to the response time. A slow response is no jump.
        """
        earliest = now - timedelta(seconds=received_at)
        has_jumped = self._latest_start is not None and earliest - self._latest_start > self._tolerance
        self._latest_start = now - timedelta(seconds=sent_at)
        return has_jumped


log = get_logger("reaper")
JUMP: Final = 0.25
"""The part of a lease by which the store's clock must jump to count: workers renew with two thirds of it left."""
AT_ONCE: Final = 100
MAX_ROUNDS: Final = 50


class Reaper:
    """Reaper; active only in the leader.

    During the first lease of its term it declares no worker lost: the store or this service may have been unavailable,
    so that workers could not renew. It also waits one lease after the store's clock jumps ahead, which makes every
    lease look expired.
    """

    def __init__(
        self,
        *,
        runs: RunRepository,
        journal_cleaner: JournalCleaner,
        control: ControlBus,
        leader: Leader,
        rules: Rules,
        dispatcher: WakeUpEvent,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._journal_cleaner = journal_cleaner
        self._control = control
        self._leader = leader
        self._rules = rules
        self._dispatcher = dispatcher
        self._clock = clock
        self._store_clock = StoreClock(JUMP * rules.lease)
        self._term: int | None = None
        self._waiting_since = 0.0

    async def step(self) -> None:
        """Run one sweep. Raises Unavailable."""
        term = await self._leader.term()
        if term != self._term:
            self._term, self._waiting_since = term, self._clock.monotonic()
        if term is None:
            return
        now = await self._now()
        for _ in range(MAX_ROUNDS):
            if await self._reap(now) < AT_ONCE:
                break

    async def stop(self) -> None:
        """Give up leadership."""
        await self._leader.resign()

    async def _now(self) -> datetime:
        """Return the store's time. A jump since the last sweep restarts the wait for a lease."""
        sent_at = self._clock.monotonic()
        now = await self._runs.now()
        received_at = self._clock.monotonic()
        if self._store_clock.jumped(now, sent_at=sent_at, received_at=received_at):
            log.warning("store_clock_jumped", lease_seconds=self._rules.lease.total_seconds())
            self._waiting_since = received_at
        return now

    async def _reap(self, now: datetime) -> int:
        waited_a_lease = self._clock.monotonic() - self._waiting_since >= self._rules.lease.total_seconds()
        found = await self._runs.find_overdue(AT_ONCE, now, in_progress=waited_a_lease)
        for loaded in found:
            after = overdue(loaded.run, loaded.now, self._rules)
            if await self._runs.replace(loaded.run, after):
                await self._report(loaded.run, after)
        if found:
            self._dispatcher.wake()
        return len(found)

    async def _report(self, before: Run, after: Run) -> None:
        metrics.REAPED.labels(after.phase.value).inc()
        log.info("run_reaped", run_id=after.id, phase=after.phase.value, losses=after.losses)
        if not after.phase.is_terminal:
            return  # no broadcast here: it would also stop the next worker; the attempt fences the lost one
        if before.phase is not Phase.ATTACHED:
            metrics.ENDED.labels(after.status.value).inc()
        self._journal_cleaner.end_journal(after)
        if before.phase in (Phase.PROCESSING, Phase.ATTACHED):
            await self._stop_worker(after.id)

    async def _stop_worker(self, run_id: str) -> None:
        try:
            await self._control.broadcast(CancelRun(run_id, "lost"))
        except BrokerUnavailable:
            log.warning("lost_worker_not_stopped", run_id=run_id)
