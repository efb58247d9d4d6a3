"""Execution of one run, from request to outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import reduce
from typing import Final

import msgspec
from msgspec.structs import replace

from executor_service.engine.deadline import Deadline
from executor_service.engine.driver import Driver
from executor_service.engine.entries import ChildEntry, encode, kind_of
from executor_service.engine.errors import LimitReached, RunRefused
from executor_service.engine.handlers import ChildRunner
from executor_service.engine.logs import BlockLogs, spans_of
from executor_service.engine.outcome import RunEnd, blocks_of, build_result, timed_out
from executor_service.engine.plan import Plan, plan_run
from executor_service.engine.ports import EventSink, Journal
from executor_service.engine.progress import Progress, child_key
from executor_service.engine.recorder import RunRecorder, RunRecording, should_record
from executor_service.engine.request import RunRequest, RunResult
from executor_service.engine.resolver import Sources
from executor_service.engine.run_context import Engine, RunContext
from executor_service.engine.secrets import EnvironmentNames, Secrets
from executor_service.engine.state import NO_USAGE, Output, RunState, Work
from executor_service.engine.stream import RunStream, partial_output
from executor_service.engine.usage import UsageCounter, add_usage
from shared.contracts.events import RunEvent
from shared.contracts.jobs import BlockLog
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunStatus, Usage
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.tasks import start_task
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.selectors import resolve_selectors
from shared.workflow.format.variables import variable_values

INTERNAL_ERROR: Final = "The run failed with an internal error. See the log of executor-service for this run."
log = get_logger("execution")


class Stop(Enum):
    """Reason for stopping a run from outside."""

    CANCELLED = "Cancelled"
    TIMED_OUT = "Timed out"


async def allow_effect() -> None:
    """Allow every effect."""


class Execution:
    """Execution of one run. Call `run` once; `cancel` at any time, from the same event loop."""

    def __init__(
        self,
        engine: Engine,
        workflow: CompiledWorkflow,
        request: RunRequest,
        *,
        environment: Mapping[str, str],
        sink: EventSink,
        journal: Journal | None = None,
        entries: Sequence[msgspec.Raw] = (),
        state: RunState | None = None,
        before_effect: Callable[[], Awaitable[None]] = allow_effect,
    ) -> None:
        """`state` is a paused run's state; `entries` are the journal entries of later attempts.

        `before_effect`: see RunContext.
        """
        self._engine = engine = engine.for_run()
        self._workflow = workflow
        self._request = request
        self._entries = entries
        self._is_new = state is None
        self._state = state or RunState(variables=variable_values(workflow.state))
        secrets = Secrets(environment.values())
        logged = secrets if workflow.reads_whole_environment else Secrets(workflow.named_values(environment))
        self._logs = BlockLogs(self._state, engine.limits, logged)
        self._deadline = Deadline(engine.clock)
        self._children = _Children(engine, environment, journal, before_effect)
        self._context = RunContext(
            engine=engine,
            workflow=workflow,
            request=request,
            environment=environment,
            sink=sink,
            journal=journal,
            before_effect=before_effect,
            sources=Sources(workflow, self._state, environment, engine.limits.filled_in_chars),
            redact=secrets.redact,
            remaining_seconds=self._deadline.block_seconds,
            child_runner=self._children.runner,
        )
        self._recorder: RunRecorder | None = None
        self._names = EnvironmentNames(environment)
        if request.spec.record is not None and not request.parent_path:
            self._recorder = RunRecorder(self._state, self._names, is_journaled=journal is not None)
        self._driver: Driver | None = None
        self._drive: asyncio.Task[None] | None = None
        self._stop: Stop | None = None

    @property
    def state(self) -> RunState:
        """Return the run's state, from which it can be restored."""
        return self._state

    @property
    def usage(self) -> Usage:
        """Return the costs so far, including blocks in progress."""
        active = self._driver.attempts.active.items() if self._driver is not None else ()
        usage = {key: call.usage for key, call in self._state.waiting.items()}
        for work, attempt in active:
            if attempt.spending.total != NO_USAGE:  # a continued call includes its earlier costs
                usage[child_key(work)] = attempt.spending.total
        return reduce(add_usage, usage.values(), self._state.usage)

    def cancel(self) -> None:
        """Stop within a second, whatever the run waits for. `run` then returns with status cancelled."""
        self._stop_run(Stop.CANCELLED)

    async def run(self, *, spent_seconds: float = 0.0) -> RunResult:
        """Run to the end, a pause, a failure, a cancel or the time limit, of which `spent_seconds` are over.

        Raises only the journal's errors (StaleAttempt, Unavailable), and DecodeError if this worker cannot read it:
        another may. Any other error would recur in every attempt, and ends the run here. If the task itself is
        canceled, every block is stopped without a result: a journaled run can be restored elsewhere.
        """
        started_at, began = self._engine.clock.now(), self._engine.clock.monotonic()
        self._deadline.set(self._request.spec.time_limit_ms / 1000 - spent_seconds)
        error: RunError | None = None
        partial: Output | None = None
        try:
            plan = plan_run(self._workflow, self._request, self._context.environment, self._engine.limits)
            error, partial = await self._run_plan(plan)
        except RunRefused as refusal:
            error = RunError(code=ErrorCode.INVALID_INPUT, message=refusal.message)
        except (FlowportError, msgspec.DecodeError):
            raise
        except Exception:  # otherwise the broker would redeliver the message to one worker after another
            log.exception("run_crashed", run_id=self._request.run_id, workflow_id=self._request.workflow_id)
            error = RunError(code=ErrorCode.EXECUTION_FAILED, message=INTERNAL_ERROR)
        result = build_result(self._run_end(started_at, began, error, partial))
        return self._add_redacted_output(self._add_recording(result))

    def _add_recording(self, result: RunResult) -> RunResult:
        """Return `result` with the run's recording, if it is recorded."""
        record, status = self._request.spec.record, result.outcome.status
        if self._recorder is None or record is None:
            return result
        if status is RunStatus.PAUSED:
            self._recorder.mask_all()
        if not should_record(record, status):
            return result
        recording = RunRecording(
            spec=self._request.spec,
            record=record,
            input=self._request.input,
            outcome=result.outcome,
            output=result.output,
            usage=result.usage,
            blocks=tuple(self._state.recorded),
            size=self._state.recorded_bytes,
            names=self._names,
        )
        return replace(result, recording=recording)

    def _add_redacted_output(self, result: RunResult) -> RunResult:
        """Return `result`, with the masked output for logs besides the exact one."""
        if self._request.parent_path:
            return result
        output = result.outcome.output
        masked = self._logs.redact_output(result.output, bytes(output.inline))
        if masked is None:
            return result
        logged = Payload(inline=msgspec.Raw(masked), size=len(masked))
        outcome = replace(result.outcome, output=replace(output, logged=logged))
        return replace(result, outcome=outcome)

    def _run_end(self, started_at: datetime, began: float, error: RunError | None, partial: Output | None) -> RunEnd:
        clock = self._engine.clock
        return RunEnd(
            request=self._request,
            state=self._state,
            usage=self.usage,
            started_at=started_at,
            ended_at=clock.now(),
            duration_ms=round((clock.monotonic() - began) * 1000, 3),
            cancelled=self._stop is Stop.CANCELLED,
            error=timed_out(self._request.spec) if self._stop is Stop.TIMED_OUT else error,
            partial=partial,
            blocks_dropped=self._logs.dropped,
            log_bytes=self._logs.bytes,
        )

    async def _run_plan(self, plan: Plan) -> tuple[RunError | None, Output | None]:
        self._context.sources.earlier_outputs = plan.outputs
        progress = Progress(self._workflow, plan.graph, self._state, self._logs, self._request.spec.stop_after_block_id)
        self._driver = driver = Driver(self._context, plan, progress, self._stream(), self._recorder)
        timer: asyncio.TimerHandle | None = None
        try:
            if self._is_new:
                driver.begin()
            driver.restore(self._entries)
            if self._stop is None:
                self._drive = start_task(driver.drive())
                if not self._drive.done():
                    loop = asyncio.get_running_loop()
                    timer = loop.call_later(self._deadline.seconds(), self._stop_run, Stop.TIMED_OUT)
                    if self._is_stopped:
                        self._drive.cancel()
                await self._drive
        except LimitReached as reached:
            return RunError(code=ErrorCode.EXECUTION_FAILED, message=reached.message), None
        except asyncio.CancelledError:
            if self._stop is None:
                raise
        finally:
            if timer is not None:
                timer.cancel()
            self._drive = None  # its result refers to this object
            await driver.abandon()
        return progress.failure, None if self._stop is None else self._record_active(driver, self._stop)

    def _record_active(self, driver: Driver, stop: Stop) -> Output | None:
        """Record blocks in progress when the run was stopped; return the last block's output so far."""
        partial: Output | None = None
        for work, attempt in driver.attempts.active.items():
            output, called = partial_output(attempt.call.writer), self._children.active.get(work)
            spans = () if called is None else spans_of(called._stop_child(stop))
            self._logs.add_block(driver.log_of(attempt, error=stop.value, child_spans=spans), output)
            if output and attempt.call.node.is_terminal and not attempt.call.iterations:
                partial = output
        return partial

    def _stop_child(self, stop: Stop) -> list[BlockLog]:
        """Return the log of its blocks until the calling run was stopped."""
        if self._driver is not None:
            self._record_active(self._driver, stop)
        return blocks_of(self._state)

    @property
    def _is_stopped(self) -> bool:
        return self._stop is not None

    def _stop_run(self, stop: Stop) -> None:
        if self._stop is None:
            self._stop = stop
            if self._drive is not None:
                self._drive.cancel()

    def _stream(self) -> RunStream | None:
        if not self._request.is_streaming:
            return None
        selectors = resolve_selectors(self._workflow.state, self._request.spec.selected_outputs)
        return RunStream(
            self._context.sink, selectors, self._engine.limits, can_retract=self._request.spec.agent_events
        )


class _Children:
    """Runs the workflows that one run's blocks call."""

    def __init__(
        self,
        engine: Engine,
        environment: Mapping[str, str],
        journal: Journal | None,
        before_effect: Callable[[], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._environment = environment
        self._journal = journal
        self._before_effect = before_effect
        self.active: dict[Work, Execution] = {}
        """Child runs in progress, by the calling work."""

    def runner(self, work: Work, state: RunState, spending: UsageCounter, journaled: bool) -> ChildRunner:
        journal = self._journal if journaled else None

        async def run_child(workflow: CompiledWorkflow, request: RunRequest) -> RunResult:
            left = state.waiting.get(child_key(work))
            child = Execution(
                self._engine,
                workflow,
                request,
                environment=self._environment,
                sink=_NullSink(),
                journal=None if journal is None else _ChildJournal(journal, work),
                entries=state.children.get(child_key(work), ()),
                state=None if left is None else left.state,
                before_effect=self._before_effect,
            )
            if journaled:  # a workflow called as an agent's tool is in its tool calls
                self.active[work] = child
            try:
                result = await child.run()
            finally:
                spending.add(child.usage)
            self.active.pop(work, None)
            return result

        return run_child


class _NullSink:
    """Discards the events of a called workflow: callers see only the outputs of their workflow."""

    async def emit(self, event: RunEvent) -> None:
        pass


class _ChildJournal:
    """Adds a called workflow's entries to the calling run's journal."""

    def __init__(self, journal: Journal, work: Work) -> None:
        self._journal = journal
        self._work = work

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        entry = ChildEntry(self._work, data)
        await self._journal.record(kind_of(entry), encode(entry))

    async def flush(self) -> None:
        await self._journal.flush()
