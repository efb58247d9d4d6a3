"""What dispatches attached runs: cancels, the fast path, and records of runs that no worker reports."""

import asyncio
from collections import OrderedDict
from functools import partial
from typing import Final

from gateway import metrics
from shared.broker.ports import BrokerUnavailable, ControlBus, QueueFull, WorkQueue
from shared.broker.queue_topology import RECORDS
from shared.clock import Clock
from shared.contracts.messages import CancelRun, RecordBatch, RunBegan, RunRecorded, without_data
from shared.contracts.runs import RunOutcome, RunSpec
from shared.observe.logging import get_logger
from shared.on_exit import OnExit
from shared.shared_timeout import SharedTimeout

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


SLOW_SECONDS: Final = 1.0
"""A healthy node answers in milliseconds."""


CLOSED_SECONDS: Final = 30.0


class FastPath:
    """State of the fast path: closed after a slow publish; then one call at a time probes the queue.

    The node of a non-replicated queue may hang, or its machine fail silently. Publishes are then neither accepted nor
    refused, for a minute, and every few seconds from there on.
    """

    def __init__(self) -> None:
        self._closed_until = 0.0
        self._publishes = SharedTimeout[None](SLOW_SECONDS, self._on_late)

    @property
    def is_open(self) -> bool:
        """Return whether the next call may take the fast path."""
        return not self._closed_until or asyncio.get_running_loop().time() >= self._closed_until

    def track_publish(self) -> OnExit:
        """Track one publish on the fast path, until the block ends."""
        if self._closed_until:
            self._close()  # for other calls, until this one is answered
        return OnExit(partial(self._end_publish, self._publishes.add(None)))

    def _end_publish(self, number: int) -> None:
        if self._publishes.remove(number):
            self._closed_until = 0.0

    def _on_late(self, _: None) -> None:
        log.warning("fast_path_closed", seconds=CLOSED_SECONDS)
        self._close()

    def _close(self) -> None:
        self._closed_until = asyncio.get_running_loop().time() + CLOSED_SECONDS


class RunRecords:
    """Publisher of run records. Failures are logged: the run's worker, or its silence, tells the rest."""

    def __init__(self, work: WorkQueue, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def began(self, run: RunSpec) -> None:
        """Record a requested run that no worker has reported yet."""
        await self._record(RunBegan(run, self._clock.now()))

    async def ended(self, run: RunSpec, outcome: RunOutcome) -> None:
        """Record the end of a run that no known worker can report."""
        await self._record(RunRecorded(run, outcome))

    async def _record(self, record: RunBegan | RunRecorded) -> None:
        try:
            await self._work.publish(RECORDS, RecordBatch((without_data(record),)))
        except (QueueFull, BrokerUnavailable) as error:
            log.warning("run_record_not_sent", run_id=record.run.run_id, error=error.message)
