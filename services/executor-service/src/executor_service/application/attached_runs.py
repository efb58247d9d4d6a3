"""Attached runs: sync calls and the legacy stream, with one attempt each."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from executor_service.application.active_runs import RunningRuns
from executor_service.application.launcher import Launcher
from executor_service.application.retries import insist
from executor_service.application.run_handle import RunHandle
from executor_service.engine.request import RunResult
from executor_service.metrics import RUNS, SLOTS_BUSY, count_end
from executor_service.ports import CallerLine, DurableRuns, LineOf, Records, Told
from shared.clock import Clock
from shared.contracts.block_logs import BlockLog
from shared.contracts.events import RunEnded, RunStarted
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.outcomes import EMPTY_OUTPUT, RunOutcome, worker_lost
from shared.contracts.runs import RunSpec, RunStatus
from shared.contracts.usage import Usage
from shared.errors import Conflict, FlowportError, Unavailable
from shared.observe.logging import get_logger

SHOW_AFTER_SECONDS: Final = 0.2
"""Only a run that lasts longer appears in run lists before its end."""
SHUTDOWN: Final = "shutdown"
HAND_OVER_SECONDS: Final = 10.0
"""How long a caller may wait until their pause is stored."""
TAKEN_AWAY: Final = "The run was given to another worker"

log = get_logger("attached_runs")


class AttachedRuns:
    """Executes each request once and streams its events to the reply address."""

    def __init__(
        self,
        launcher: Launcher,
        line_of: LineOf,
        running: RunningRuns,
        *,
        records: Records,
        durable: DurableRuns,
        clock: Clock,
    ) -> None:
        self._launcher = launcher
        self._line_of = line_of
        self._running = running
        self._records = records
        self._durable = durable
        self._clock = clock
        self._handles: set[RunHandle] = set()

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

        `handle` has any cancel that arrived while it waited. False: the caller may still wait and must be notified
        elsewhere.
        """
        handle = handle or RunHandle()
        self._handles.add(handle)
        kind = "nested" if spec.is_nested else "interactive"
        line = self._line_of(reply_to, spec.run_id, lambda: handle.cancel("caller_gone"), attempt=attempt)
        announcement = asyncio.get_running_loop().call_later(SHOW_AFTER_SECONDS, self._announce, spec)
        try:
            with self._running.holding(spec.run_id, handle), SLOTS_BUSY.labels(kind).track_inprogress():
                outcome, blocks, usage = await self._executed(spec, line, handle, is_held)
            await line.emit(RunEnded(outcome.for_caller()))
            told = await line.close()
        finally:
            announcement.cancel()
            self._handles.discard(handle)
        count_end(spec.mode, outcome)
        if outcome.status is not RunStatus.PAUSED:
            self._records.put(RunRecorded(spec, outcome, blocks, usage))
        return _is_settled(told, spec)

    async def report_lost(self, spec: RunSpec, reply_to: str, *, attempt: int = 0) -> bool:
        """Report that this run's worker was lost. The receiver of its events knows whether it had started.

        False: as `run`.
        """
        RUNS.labels(spec.mode, "lost").inc()
        return await self.hand_back(spec, reply_to, attempt=attempt)

    async def hand_back(self, spec: RunSpec, reply_to: str, *, attempt: int = 0) -> bool:
        """Report that this worker did not and will not start the run: the caller may send it to another.

        The report is that of a lost worker, which ends an attempt without another event. False: as `run`.
        """
        now = self._clock.now()
        outcome = worker_lost(now, now)
        line = self._line_of(reply_to, spec.run_id, attempt=attempt)
        await line.emit(RunEnded(outcome))
        told = await line.close()
        if told is Told.NOBODY:
            self._records.put(RunRecorded(spec, outcome))
        return _is_settled(told, spec)

    def stop_all(self) -> None:
        """Stop all active runs at shutdown, and report it."""
        for handle in self._handles:
            handle.cancel(SHUTDOWN)

    async def _executed(
        self, spec: RunSpec, line: CallerLine, handle: RunHandle, is_held: Callable[[], bool]
    ) -> tuple[RunOutcome, tuple[BlockLog, ...], Usage]:
        async def before_effect() -> None:
            await line.heard()
            if not is_held():
                raise Unavailable(TAKEN_AWAY)

        await line.emit(RunStarted())
        try:
            execution = await self._launcher.prepare(spec, line, before_effect=before_effect)
        except FlowportError as error:
            return self._launcher.refused(error), (), Usage()
        with handle.passing_to(execution.cancel):
            result = await execution.run()
        if handle.cancel_reason == SHUTDOWN:
            lost = worker_lost(result.outcome.started_at, self._clock.now())
            return lost, tuple(result.blocks), result.usage
        outcome = await self._launcher.conclude(spec, result.outcome)
        if outcome.status is RunStatus.PAUSED:
            outcome = await self._handed_over(spec, outcome, result)
        return outcome, tuple(result.blocks), result.usage

    async def _handed_over(self, spec: RunSpec, outcome: RunOutcome, result: RunResult) -> RunOutcome:
        """Store the paused run before its caller is notified; it continues without caller and worker."""
        try:
            report = await self._launcher.pause_report(spec, outcome, result)
            await insist(partial(self._durable.pause, spec.run_id, report), seconds=HAND_OVER_SECONDS)
        except Conflict:
            return replace(outcome, status=RunStatus.CANCELLED, output=EMPTY_OUTPUT)
        except FlowportError as error:
            return self._launcher.refused(error)
        return outcome

    def _announce(self, spec: RunSpec) -> None:
        self._records.put(RunBegan(spec, self._clock.now()))


def _is_settled(told: Told, spec: RunSpec) -> bool:
    if told is Told.UNKNOWN:
        log.warning("whoever asked for a run could not be told of its end", run_id=spec.run_id)
    return told is not Told.UNKNOWN
