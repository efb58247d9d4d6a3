"""Runs that live and die with their caller: sync, and the legacy stream. One attempt each."""

import asyncio
from typing import Final

from executor_service.adapters.reply_sink import ReplySink
from executor_service.adapters.running_runs import RunningRuns
from executor_service.application.launcher import Launcher
from executor_service.application.run_handle import RunHandle
from executor_service.metrics import RUNS, SLOTS_BUSY
from executor_service.ports import Records
from shared.broker.ports import ReplyStream
from shared.clock import Clock
from shared.contracts.events import RunEnded, RunStarted
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.runs import BlockLog, ErrorCode, RunOutcome, RunSpec, Usage
from shared.errors import FlowportError

SHOW_AFTER_SECONDS: Final = 0.2
"""Only a run that lasts longer is announced to run lists before its end."""
SHUTDOWN: Final = "shutdown"
WORKER_LOST: Final = "The worker was stopped before the run ended"


class AttachedRuns:
    """Runs each request once and streams its events to the address that asked."""

    def __init__(
        self, launcher: Launcher, replies: ReplyStream, running: RunningRuns, records: Records, clock: Clock
    ) -> None:
        self._launcher = launcher
        self._replies = replies
        self._running = running
        self._records = records
        self._clock = clock
        self._handles: set[RunHandle] = set()

    async def run(self, spec: RunSpec, reply_to: str) -> None:
        """Run to the end, whatever it is, and report it."""
        handle = RunHandle()
        self._handles.add(handle)
        sink = ReplySink(self._replies, reply_to, spec.run_id, on_broken=lambda: handle.cancel("caller_gone"))
        announcement = asyncio.get_running_loop().call_later(SHOW_AFTER_SECONDS, self._announce, spec)
        try:
            with self._running.holding(spec.run_id, handle), SLOTS_BUSY.labels("interactive").track_inprogress():
                outcome, blocks, usage = await self._executed(spec, sink, handle)
            await sink.emit(RunEnded(outcome))
            await sink.close()
        finally:
            announcement.cancel()
            self._handles.discard(handle)
        RUNS.labels(spec.mode, outcome.status).inc()
        self._records.put(RunRecorded(spec, outcome, blocks, usage))

    async def report_lost(self, spec: RunSpec, reply_to: str) -> None:
        """Tell the caller that the worker which had this run is gone: an attached run is not begun twice."""
        outcome = self._launcher.ended_early(ErrorCode.WORKER_LOST, WORKER_LOST)
        sink = ReplySink(self._replies, reply_to, spec.run_id, on_broken=lambda: None)
        await sink.emit(RunEnded(outcome))
        RUNS.labels(spec.mode, "lost").inc()
        self._records.put(RunRecorded(spec, outcome))

    def stop_all(self) -> None:
        """The process is going down: end every run in hand now, honestly."""
        for handle in self._handles:
            handle.cancel(SHUTDOWN)

    async def _executed(
        self, spec: RunSpec, sink: ReplySink, handle: RunHandle
    ) -> tuple[RunOutcome, tuple[BlockLog, ...], Usage]:
        await sink.emit(RunStarted())
        try:
            execution = await self._launcher.prepare(spec, sink)
        except FlowportError as error:
            return self._launcher.refused(error), (), Usage()
        handle.bind(execution)
        result = await execution.run()
        if handle.cancel_reason == SHUTDOWN:
            lost = self._launcher.ended_early(ErrorCode.WORKER_LOST, WORKER_LOST)
            return lost, tuple(result.blocks), result.usage
        return await self._launcher.conclude(spec, result.outcome), tuple(result.blocks), result.usage

    def _announce(self, spec: RunSpec) -> None:
        self._records.put(RunBegan(spec, self._clock.now()))
