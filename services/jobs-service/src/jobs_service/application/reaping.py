"""Ends or re-queues what nobody answers for, and clears away what has had its time."""

from typing import Final

from jobs_service import metrics
from jobs_service.application.leader import Leader
from jobs_service.application.loops import Bell
from jobs_service.application.tidying import Tidying
from jobs_service.domain.leases import overdue
from jobs_service.domain.run import Phase, Rules, Run
from jobs_service.ports import Blobs, Runs, SpendBook
from shared.broker.ports import BrokerUnavailable, ControlBus
from shared.clock import Clock
from shared.contracts.messages import CancelRun
from shared.observe.logging import get_logger

log = get_logger("reaping")
AT_ONCE: Final = 100
MAX_ROUNDS: Final = 50
HOUSEKEEPING_SECONDS: Final = 5.0


class Reaping:
    """One reaper. Only the one that leads does anything."""

    def __init__(
        self,
        *,
        runs: Runs,
        blobs: Blobs,
        spend: SpendBook,
        tidying: Tidying,
        control: ControlBus,
        leader: Leader,
        rules: Rules,
        dispatcher: Bell,
        clock: Clock,
    ) -> None:
        self._runs = runs
        self._blobs = blobs
        self._spend = spend
        self._tidying = tidying
        self._control = control
        self._leader = leader
        self._rules = rules
        self._dispatcher = dispatcher
        self._clock = clock
        self._cleaned_at: float | None = None

    async def step(self) -> None:
        """One sweep. Raises Unavailable."""
        if await self._leader.term() is None:
            return
        for _ in range(MAX_ROUNDS):
            if await self._reap() < AT_ONCE:
                break
        await self._clean()

    async def stop(self) -> None:
        """Let another process lead."""
        await self._leader.leave()

    async def _reap(self) -> int:
        found = await self._runs.overdue(AT_ONCE)
        for seen in found:
            after = overdue(seen.run, seen.now, self._rules)
            if await self._runs.replace(seen.run, after):
                await self._reaped(seen.run, after)
        if found:
            self._dispatcher.ring()
        return len(found)

    async def _reaped(self, before: Run, after: Run) -> None:
        metrics.REAPED.labels(after.phase.value).inc()
        log.info("run reaped", run_id=after.id, phase=after.phase.value, losses=after.losses)
        if not after.phase.is_terminal:
            return  # no broadcast here: it would also stop the worker that takes over; the lost one is fenced
        metrics.ENDED.labels(after.status.value).inc()
        self._tidying.discard_journal(after.id)
        if before.phase in (Phase.PROCESSING, Phase.ATTACHED):
            await self._stop_worker(after.id)

    async def _stop_worker(self, run_id: str) -> None:
        try:
            await self._control.broadcast(CancelRun(run_id, "lost"))
        except BrokerUnavailable:
            log.warning("a lost worker could not be told", run_id=run_id)

    async def _clean(self) -> None:
        now = self._clock.monotonic()
        if self._cleaned_at is not None and now - self._cleaned_at < HOUSEKEEPING_SECONDS:
            return
        self._cleaned_at = now
        await self._blobs.sweep(AT_ONCE)
        await self._spend.collect(AT_ONCE)
