"""Cancels: sends them to workers without blocking the caller."""

import asyncio
from collections import OrderedDict
from typing import Final

from gateway import metrics
from shared.broker.ports import BrokerUnavailable, ControlBus
from shared.clock import Clock
from shared.contracts.messages import CancelRun
from shared.observe.logging import get_logger

MAX_PENDING: Final = 1_000
STRAY_EVERY_SECONDS: Final = 1.0
STOP_SECONDS: Final = 2.0

log = get_logger("cancels")


class Cancels:
    """Broadcaster of cancels. A cancel that fails to send is logged; the run's time limit still applies."""

    def __init__(self, control: ControlBus, clock: Clock) -> None:
        self._control = control
        self._clock = clock
        self._pending: set[asyncio.Task[None]] = set()
        self._strays: OrderedDict[str, float] = OrderedDict()

    async def start(self) -> None:
        """Do nothing: there is nothing to open."""

    async def stop(self) -> None:
        """Wait for pending cancels."""
        if self._pending:
            await asyncio.wait(self._pending, timeout=STOP_SECONDS)

    def send(self, run_id: str, reason: str) -> None:
        """Cancel a run in the background."""
        if len(self._pending) >= MAX_PENDING:
            log.warning("cancel_not_sent", run_id=run_id, reason="too_many_pending")
            return
        task = asyncio.get_running_loop().create_task(self._broadcast(CancelRun(run_id, reason)))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    def cancel_unowned(self, run_id: str) -> None:
        """Cancel a run that sends events without a caller here; at most once a second per run."""
        now = self._clock.monotonic()
        if now - self._strays.get(run_id, -STRAY_EVERY_SECONDS) < STRAY_EVERY_SECONDS:
            return
        self._strays[run_id] = now
        if len(self._strays) > MAX_PENDING:
            self._strays.popitem(last=False)
        metrics.STRAY_RUNS.inc()
        self.send(run_id, "caller_gone")

    async def _broadcast(self, cancel: CancelRun) -> None:
        try:
            await self._control.broadcast(cancel)
        except BrokerUnavailable as error:
            log.warning("cancel_not_sent", run_id=cancel.run_id, reason="broker_unavailable", error=error.message)
