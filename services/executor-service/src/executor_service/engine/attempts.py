"""Attempts at blocks: their inputs and start times."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec

from executor_service.engine.entries import ChildPinned, Entry
from executor_service.engine.handlers import Call, ChildRunner, Inputs
from executor_service.engine.plan import Plan
from executor_service.engine.positions import Iteration
from executor_service.engine.progress import Progress, child_key
from executor_service.engine.run_context import RunContext
from executor_service.engine.state import ChildPin, RunState, Work
from executor_service.engine.stream import RunStream, TextWriter
from executor_service.engine.usage import UsageCounter
from shared.clock import ms_between
from shared.workflow.catalog.kinds import WRITES_TEXT
from shared.workflow.compile.blocks import CompiledBlock


@dataclass(slots=True)
class Attempt:
    """A block in progress, with enough data for its log entry at any moment."""

    work: Work
    call: Call
    spending: UsageCounter
    order: int
    started_at: datetime
    monotonic_start: float
    inputs: Inputs | None = None
    tries: int = 1
    output_bytes: int = 0


class Attempts:
    """Starts the blocks of one run."""

    def __init__(self, context: RunContext, plan: Plan, progress: Progress, stream: RunStream | None) -> None:
        self._context = context
        self._plan = plan
        self._progress = progress
        self._state: RunState = progress.state
        self._stream = stream
        self._clock = context.engine.clock
        self.active: dict[Work, Attempt] = {}

    def begin(self, work: Work, record: Callable[[Entry], Awaitable[None]]) -> Attempt:
        """Return the attempt at a block that may start now. `record` stores entries while it is in progress."""
        scope = self._state.scopes[work.scope]
        body = self._plan.graph.body(scope.container)
        node = body.nodes[work.node]
        block = self._context.workflow.blocks[node.block_id]
        iterations = self._progress.positions.iterations(scope)
        spending = UsageCounter()
        call = Call(
            block=block,
            node=node,
            body=body,
            workflow=self._context.workflow,
            request=self._context.request,
            resolver=self._context.sources.at(scope),
            environment=self._context.environment,
            variables=self._context.sources.variables,
            start_output=self._plan.start_output,
            iterations=iterations,
            now=self._clock.now,
            remaining_seconds=self._context.remaining_seconds,
            run_child=self._child_runner(work, block.type, spending),
            spend=spending.add,
            redact=self._context.redact,
            redact_reason=self._progress.logs.redact_reason,
            pin=partial(_pin, work, record),
            pinned=self._state.pins.get(child_key(work)) if self._state.pins else None,
            writer=self.writer(block, iterations),
        )
        attempt = self.active[work] = self._new_attempt(work, call, spending)
        return attempt

    def end(self) -> None:
        """End all recording: drop every `record`, whose owner refers to this object."""
        for attempt in self.active.values():
            attempt.call = msgspec.structs.replace(attempt.call, pin=_discard_pin)

    def writer(self, block: CompiledBlock, iterations: tuple[Iteration, ...]) -> TextWriter | None:
        """Return the writer of a block's text; None if it writes none, or it is not selected."""
        if self._stream is None or block.type not in WRITES_TEXT:
            return None
        return self._stream.writer(block.id, is_live=not any(each.is_parallel for each in iterations))

    def _new_attempt(self, work: Work, call: Call, spending: UsageCounter) -> Attempt:
        """Return an attempt that starts now, or at its original time if it continues a paused call."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        waiting = self._state.waiting.get(child_key(work)) if self._state.waiting else None
        if waiting is None:
            return Attempt(work, call, spending, self._progress.next_order(), now, monotonic)
        log = waiting.log
        monotonic_start = monotonic - ms_between(log.started_at, now) / 1000
        return Attempt(work, call, spending, log.execution_order, log.started_at, monotonic_start)

    def _child_runner(self, work: Work, block_type: str, spending: UsageCounter) -> ChildRunner:
        handler = self._context.engine.handlers.get(block_type)
        return self._context.child_runner(work, self._state, spending, handler is not None and handler.recovers)


async def _discard_pin(pin: ChildPin) -> None:
    """Discard the pin after the end."""


async def _pin(work: Work, record: Callable[[Entry], Awaitable[None]], pin: ChildPin) -> None:
    await record(ChildPinned(work, pin))
