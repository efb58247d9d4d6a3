"""Starts ready blocks and processes finished ones until the run ends or pauses."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from executor_service.engine.attempts import Attempt, Attempts
from executor_service.engine.block_runner import BlockRunner
from executor_service.engine.containers import Containers
from executor_service.engine.entries import (
    BlockFinished,
    CallPaused,
    CallResumed,
    ContainerOpened,
    EffectAnnounced,
    Entry,
    LoggedEntry,
    LoopChecked,
    PauseResumed,
    encode,
    kind_of,
)
from executor_service.engine.entries import decode as decode_entry
from executor_service.engine.errors import ContainerFailure, LimitReached
from executor_service.engine.limits import Limits
from executor_service.engine.plan import Plan
from executor_service.engine.progress import Progress, child_key
from executor_service.engine.recorder import RunRecorder
from executor_service.engine.resolver import Resolver
from executor_service.engine.run_context import RunContext
from executor_service.engine.scheduler import ROOT
from executor_service.engine.state import BlockOutput, ChildSpans, RunState, Step, Work
from executor_service.engine.stream import RunStream
from shared.contracts.events import BlockEnded, BlockStarted
from shared.contracts.jobs import BlockLog
from shared.contracts.messages import to_json
from shared.contracts.recordings import MAX_RECORDING_BYTES
from shared.contracts.runs import ErrorCode, RunError
from shared.tasks import start_task

YIELD_AFTER_SECONDS: Final = 0.001
"""The driver yields to other tasks after working this long."""


class Driver:
    """Drives one run. Blocks run as tasks; `drive` makes all changes of the state, in order."""

    def __init__(
        self,
        context: RunContext,
        plan: Plan,
        progress: Progress,
        stream: RunStream | None,
        recorder: RunRecorder | None = None,
    ) -> None:
        self._context = context
        self._recorder = recorder
        self._plan = plan
        self._progress = progress
        self._state: RunState = progress.state
        self._stream = stream
        self._limits: Limits = context.engine.limits
        self._clock = context.engine.clock
        self._scheduler = progress.scheduler
        self._containers = Containers(
            context.workflow, plan.graph, context.engine.expressions, self._limits, context.request
        )
        self._block_runner = BlockRunner(
            context.engine.handlers,
            progress.logs,
            self._limits,
            self._clock,
            partial(_announce_effect, context),
            is_journaled=context.journal is not None,
        )
        self._tasks: dict[Work, asyncio.Task[None]] = {}
        self._done: deque[tuple[Work, Entry | Exception]] = deque()
        self._wake = asyncio.Event()
        self._is_abandoned = False
        self.attempts = Attempts(context, plan, progress, stream)

    def begin(self) -> None:
        """Start from the beginning."""
        self._scheduler.begin()
        self._state.frames[ROOT].update(self._plan.outputs)
        self._state.variables.update(self._plan.assigned)
        self._state.assigned.update(self._plan.assigned)

    def restore(self, entries: Sequence[msgspec.Raw]) -> None:
        """Restore the state from earlier attempts' journal. Work that was in progress becomes ready again."""
        for document in entries:
            self._scheduler.take_ready()
            entry = decode_entry(document)
            self._count(entry)
            self._apply(entry)
        self._progress.requeue_running()

    def _count(self, entry: Entry) -> None:
        """Count earlier attempts' work towards the run's limits."""
        self._state.blocks_run += isinstance(entry, BlockFinished | ContainerOpened | LoopChecked)
        if isinstance(entry, BlockFinished) and entry.error is None:
            self._state.output_bytes += len(to_json(entry.output))

    def log_of(self, attempt: Attempt, *, error: str, child_spans: ChildSpans) -> BlockLog:
        """Return the log entry of a block that is stopped."""
        return self._block_runner.log_of(attempt, error=error, child_spans=child_spans)

    async def drive(self) -> None:
        """Run until no work is left. Raises LimitReached, and the journal's errors."""
        await self._replay_outputs()
        await self._apply_answers()
        yield_at = self._clock.monotonic() + YIELD_AFTER_SECONDS
        self._launch()
        while self._tasks:
            if not self._done:
                await self._wake.wait()
            elif self._clock.monotonic() > yield_at:
                await asyncio.sleep(0)
                yield_at = self._clock.monotonic() + YIELD_AFTER_SECONDS
            self._wake.clear()
            while self._done:
                await self._settle(*self._done.popleft())
            self._launch()
        if self._context.journal is not None and self._state.pauses and not self._progress.is_over:
            await self._context.journal.flush()

    async def abandon(self) -> None:
        """Cancel every block, and wait a moment for cleanup.

        The tasks are dropped first: their results refer to this object, and the cycle would wait for the collector.
        """
        self._is_abandoned = True
        tasks, self._tasks = list(self._tasks.values()), {}
        self._done.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.cancel_seconds)
        self.attempts.end()

    async def _replay_outputs(self) -> None:
        """Repeat earlier events: each attempt restarts the caller's stream."""
        if self._stream is None:
            return
        for selected in self._state.selected_outputs:
            writer = self.attempts.writer(self._context.workflow.blocks[selected.block_id], ())
            text = selected.output.get("content")
            if writer is not None and isinstance(text, str):
                await writer.write(text)
            await self._stream.send_outputs(selected.block_id, selected.output, writer)

    async def _apply_answers(self) -> None:
        for context, answer in self._context.request.resumptions.items():
            pause = self._state.pauses.get(context)
            if pause is None:
                continue
            if child_key(pause.work) in self._state.waiting:
                await self._record(CallResumed(pause.work))
            else:
                handler = self._context.engine.handlers[self._context.workflow.blocks[pause.block_id].type]
                now = self._clock.now()
                await self._record(PauseResumed(context, now, handler.resume(pause, answer, now)))

    def _launch(self) -> None:
        while self._state.ready and not self._progress.is_over:
            for work in self._scheduler.take_ready():
                self._state.blocks_run += 1
                if self._state.blocks_run > self._limits.blocks:
                    raise LimitReached(f"The run exceeds the limit of {self._limits.blocks} blocks")
                self._tasks[work] = start_task(self._report(work, _STEPS[work.step](self, work)))

    async def _report(self, work: Work, step: Coroutine[Any, Any, Entry]) -> None:
        self._done.append((work, await self._run_step(step)))
        self._wake.set()

    async def _run_step(self, step: Coroutine[Any, Any, Entry]) -> Entry | Exception:
        try:
            return await step
        except Exception as error:  # the driver re-raises it
            return error
        except asyncio.CancelledError as error:
            if self._is_abandoned:
                raise
            return _cancellation_error(error)

    async def _settle(self, work: Work, done: Entry | Exception) -> None:
        del self._tasks[work]
        if isinstance(done, Exception):
            try:
                raise done
            finally:
                del done  # its traceback refers to this frame
        attempt = self.attempts.active.get(work)
        if attempt is not None:
            self._state.output_bytes += attempt.output_bytes
            if self._state.output_bytes > self._limits.run_output_bytes:
                raise LimitReached(f"The outputs of this run exceed the limit of {self._limits.run_output_bytes} bytes")
        await self._record(done)

    async def _record(self, entry: Entry) -> None:
        if self._context.journal is not None:
            if isinstance(entry, LoggedEntry):
                entry.order = self._state.order
            await self._context.journal.record(kind_of(entry), self._encode(entry))
        for selected in self._apply(entry):
            if self._stream is not None:
                await self._stream.send_outputs(selected.block_id, selected.output, None)

    def _encode(self, entry: Entry) -> msgspec.Raw:
        """Return a journal entry, without a called workflow's trace and recorded inputs if it would be too large."""
        limit = self._limits.journal_entry_bytes
        document = encode(entry)
        if len(bytes(document)) > limit and isinstance(entry, BlockFinished | CallPaused):
            entry.log = msgspec.structs.replace(entry.log, child_spans=())
            if isinstance(entry, BlockFinished) and entry.recorded is not None:
                entry.recorded = msgspec.structs.replace(entry.recorded, inputs=None, size=MAX_RECORDING_BYTES + 1)
            document = encode(entry)
        if len(bytes(document)) > limit:
            raise LimitReached(
                f"The results of {self._name_of(entry)} exceed the limit of {limit} bytes for a durable run"
            )
        return document

    def _name_of(self, entry: Entry) -> str:
        work = self._state.pauses[entry.context_id].work if isinstance(entry, PauseResumed) else entry.work
        return self._context.workflow.blocks[self._scheduler.node(work).block_id].name

    def _apply(self, entry: Entry) -> list[BlockOutput]:
        """Apply an entry; return the outputs to send. A block's own output was sent when it finished."""
        if isinstance(entry, BlockFinished | CallPaused):
            self.attempts.active.pop(entry.work, None)
        own = self._progress.block_output(entry)
        left = self._progress.apply(entry)
        if self._stream is not None:
            self._state.selected_outputs += [
                selected for selected in (*own, *left) if self._stream.is_selected(selected.block_id)
            ]
        return left

    async def _run_block(self, work: Work) -> Entry:
        attempt = self.attempts.begin(work, self._record)
        if self._context.request.spec.include_block_events:
            await self._emit_started(attempt)
        done = await self._block_runner.run(attempt, in_doubt=work in self._state.intents)
        if isinstance(done, BlockFinished):
            if self._recorder is not None:
                self._recorder.record(attempt, done)
            await self._emit_ended(attempt, done)
        return done

    async def _emit_ended(self, attempt: Attempt, done: BlockFinished) -> None:
        if done.error is None and self._stream is not None:
            await self._stream.send_outputs(attempt.call.block.id, done.output, attempt.call.writer)
        if self._context.request.spec.include_block_events:
            await self._context.sink.emit(BlockEnded(self._log_for_event(done), failed=done.error is not None))

    def _log_for_event(self, done: BlockFinished) -> msgspec.Raw:
        """Return a block's log entry for the canvas, without a called workflow's trace if it does not fit into a
        message.
        """
        log = msgspec.structs.replace(done.log, output=self._progress.logs.redact(done.output, is_logged=False))
        document = to_json(log)
        if len(bytes(document)) <= self._limits.block_event_bytes:
            return document
        return to_json(msgspec.structs.replace(log, child_spans=()))

    async def _emit_started(self, attempt: Attempt) -> None:
        log = self._block_runner.log_of(attempt)
        data = {
            "blockId": log.block_id,
            "blockName": log.block_name,
            "blockType": log.block_type,
            "executionOrder": log.execution_order,
            "startedAt": log.started_at,
        }
        await self._context.sink.emit(BlockStarted(to_json(data)))

    async def _open(self, work: Work) -> Entry:
        try:
            opening = self._containers.open(self._scheduler.node(work).block_id, self._resolver(work))
        except ContainerFailure as failure:
            return ContainerOpened(work, self._clock.now(), error=self._container_error(work, failure))
        return ContainerOpened(work, self._clock.now(), opening)

    async def _check(self, work: Work) -> Entry:
        block_id = self._scheduler.node(work).block_id
        scope = self._state.scopes[f"{work.scope}{block_id}/"]
        try:
            again, problem = await self._containers.again(block_id, scope.index, self._context.sources.at(scope))
        except ContainerFailure as failure:
            return LoopChecked(work, self._clock.now(), again=False, error=self._container_error(work, failure))
        shown = None if problem is None else self._progress.logs.redact_reason(problem)
        return LoopChecked(work, self._clock.now(), again, problem=shown)

    def _resolver(self, work: Work) -> Resolver:
        return self._context.sources.at(self._state.scopes[work.scope])

    def _container_error(self, work: Work, failure: ContainerFailure) -> RunError:
        block = self._context.workflow.blocks[self._scheduler.node(work).block_id]
        return RunError(
            code=ErrorCode.BLOCK_EXECUTION_FAILED,
            message=self._progress.logs.redact_reason(failure.message),
            block_id=block.id,
            block_type=block.type,
            http_status=failure.http_status,
        )


_STEPS: Final[Mapping[Step, Callable[[Driver, Work], Coroutine[Any, Any, Entry]]]] = {
    Step.RUN: Driver._run_block,
    Step.OPEN: Driver._open,
    Step.CHECK: Driver._check,
}


def _cancellation_error(cause: asyncio.CancelledError) -> RuntimeError:
    """Return the error of a step that was canceled unexpectedly and would be awaited forever."""
    error = RuntimeError("a step was canceled from inside")
    error.__cause__ = cause
    return error


async def _announce_effect(context: RunContext, work: Work) -> None:
    await context.before_effect()
    if context.journal is not None:
        intent = EffectAnnounced(work)
        await context.journal.record(kind_of(intent), encode(intent))
        await context.journal.flush()
