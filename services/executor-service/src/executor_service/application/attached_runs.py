"""Attached runs: sync calls and the legacy stream, with one attempt each."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from executor_service.application.active_runs import ActiveRuns
from executor_service.application.launcher import Launcher
from executor_service.application.null_events import NO_RECORDINGS
from executor_service.application.retries import retry_unavailable
from executor_service.application.run_handle import RunHandle, RunStopped
from executor_service.engine.request import RunResult
from executor_service.metrics import RUNS, count_end, use_slot
from executor_service.ports import DeliveryStatus, DurableRuns, Recordings, Records, ReplyChannel, ReplyChannelFactory
from shared.clock import Clock
from shared.contracts.events import RunEnded, RunStarted
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.runs import EMPTY_OUTPUT, RunOutcome, RunSpec, RunStatus, worker_lost
from shared.errors import Conflict, FlowportError, Unavailable
from shared.observe.logging import get_logger
from shared.shared_timeout import SharedTimeout

ANNOUNCE_AFTER_SECONDS: Final = 0.2
"""A shorter run appears in run lists only after its end."""
SHUTDOWN: Final = "shutdown"
STORE_PAUSE_SECONDS: Final = 10.0
"""How long a caller may wait until the pause is stored."""
RUN_MOVED: Final = "Another worker has taken over the run"

log = get_logger("attached_runs")


class AttachedRuns:
    """Executes each request once and streams its events to the reply address."""

    def __init__(
        self,
        launcher: Launcher,
        reply_channel_factory: ReplyChannelFactory,
        running: ActiveRuns,
        *,
        records: Records,
        durable: DurableRuns,
        clock: Clock,
        recordings: Recordings = NO_RECORDINGS,
    ) -> None:
        self._recordings = recordings
        self._launcher = launcher
        self._reply_channel_factory = reply_channel_factory
        self._running = running
        self._records = records
        self._durable = durable
        self._clock = clock
        self._handles: set[RunHandle] = set()
        self._announcements = SharedTimeout[RunSpec](ANNOUNCE_AFTER_SECONDS, self._announce)

    async def run(
        self,
        spec: RunSpec,
        reply_to: str,
        *,
        attempt: int = 0,
        is_held: Callable[[], bool] = lambda: True,
        handle: RunHandle | None = None,
    ) -> bool:
        """Execute and report a run. `is_held`: whether no other worker has received it.

        `handle` has any cancel that arrived while it waited. Return False if the caller may still wait, and must be
        notified in another way.
        """
        handle = handle or RunHandle()
        self._handles.add(handle)
        kind = "nested" if spec.is_nested else "interactive"
        channel = self._reply_channel_factory(
            reply_to, spec.run_id, lambda: handle.cancel("caller_gone"), attempt=attempt
        )
        announcement = self._announcements.add(spec)
        try:
            with self._running.track(spec.run_id, handle), use_slot(kind):
                record, log_bytes = await self._execute(spec, channel, handle, is_held)
            outcome = record.outcome
            await channel.emit(RunEnded(outcome.for_caller()))
            status = await channel.close()
        finally:
            self._announcements.remove(announcement)
            self._handles.discard(handle)
        count_end(spec.mode, outcome)
        if outcome.status is not RunStatus.PAUSED:
            self._records.put(record, log_bytes=log_bytes)
        return _is_reported(status, spec)

    async def report_lost(self, spec: RunSpec, reply_to: str, *, attempt: int = 0) -> bool:
        """Report to the caller that the run's worker was lost. Return the same as `run`.

        The caller knows from earlier events whether the run had started.
        """
        RUNS.labels(spec.mode, "lost").inc()
        return await self.return_unstarted(spec, reply_to, attempt=attempt)

    async def return_unstarted(self, spec: RunSpec, reply_to: str, *, attempt: int = 0) -> bool:
        """Report that this worker did not and will not start the run, so that the caller may send it to another worker.

        Sends the event of a lost worker, which ends an attempt that has no other events. Return the same as `run`.
        """
        now = self._clock.now()
        outcome = worker_lost(now, now)
        channel = self._reply_channel_factory(reply_to, spec.run_id, attempt=attempt)
        await channel.emit(RunEnded(outcome))
        status = await channel.close()
        if status is DeliveryStatus.DISCONNECTED:
            self._records.put(RunRecorded(spec, outcome))
        return _is_reported(status, spec)

    def stop_all(self) -> None:
        """Stop all active runs at shutdown, and report it."""
        for handle in self._handles:
            handle.cancel(SHUTDOWN)

    async def _execute(
        self, spec: RunSpec, channel: ReplyChannel, handle: RunHandle, is_held: Callable[[], bool]
    ) -> tuple[RunRecorded, int]:
        """Return the run's record, and the size of its log."""

        async def before_effect() -> None:
            await channel.confirm_start()
            if not is_held():
                raise Unavailable(RUN_MOVED)

        await channel.emit(RunStarted())
        began = time.monotonic()
        try:
            preparation = self._launcher.prepare(spec, channel, before_effect=before_effect)
            execution = await handle.run_until_stopped(preparation, spec.time_limit_ms / 1000)
        except FlowportError as error:
            return RunRecorded(spec, self._launcher.failed_outcome(error)), 0
        except RunStopped:
            is_cancelled = handle.cancel_reason is not None
            result = self._launcher.stopped_result(spec, time.monotonic() - began, cancelled=is_cancelled)
        else:
            with handle.forward_cancels(execution.cancel):
                result = await execution.run(spent_seconds=time.monotonic() - began)
        if handle.cancel_reason == SHUTDOWN:
            lost = worker_lost(result.outcome.started_at, self._clock.now())
            return RunRecorded(spec, lost, tuple(result.blocks), result.usage), result.log_bytes
        if result.recording is not None:
            self._recordings.put(result.recording)
        outcome = await self._launcher.store_output(spec, result.outcome)
        if outcome.status is RunStatus.PAUSED:
            outcome = await self._store_pause(spec, outcome, result)
        return RunRecorded(spec, outcome, tuple(result.blocks), result.usage), result.log_bytes

    async def _store_pause(self, spec: RunSpec, outcome: RunOutcome, result: RunResult) -> RunOutcome:
        """Store the paused run before its caller is notified; it continues without caller and worker."""
        try:
            report = await self._launcher.pause_report(spec, outcome, result)
            await retry_unavailable(partial(self._durable.pause, spec.run_id, report), seconds=STORE_PAUSE_SECONDS)
        except Conflict:
            return replace(outcome, status=RunStatus.CANCELLED, output=EMPTY_OUTPUT)
        except FlowportError as error:
            return self._launcher.failed_outcome(error)
        return outcome

    def _announce(self, spec: RunSpec) -> None:
        self._records.put(RunBegan(spec, self._clock.now()))


def _is_reported(status: DeliveryStatus, spec: RunSpec) -> bool:
    if status is DeliveryStatus.UNKNOWN:
        log.warning("run_end_not_delivered", run_id=spec.run_id)
    return status is not DeliveryStatus.UNKNOWN
