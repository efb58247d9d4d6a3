"""Applies entries to a run's state, both live and from the journal."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from executor_service.engine.entries import (
    BlockFinished,
    CallPaused,
    CallResumed,
    ChildEntry,
    ChildPinned,
    ContainerOpened,
    EffectAnnounced,
    Entry,
    LoggedEntry,
    LoopChecked,
    PauseResumed,
)
from executor_service.engine.logs import BlockLogs, at_position
from executor_service.engine.positions import Iteration, ScopePositions
from executor_service.engine.scheduler import Scheduler
from executor_service.engine.state import BlockOutput, Output, RunState, WaitingCall, Work
from executor_service.engine.usage import add_usage
from shared.clock import ms_between
from shared.contracts.jobs import BlockLog
from shared.contracts.runs import RunError
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.graph import Graph
from shared.workflow.format.js_values import JsonObject

RESPONSE: Final = "response"


class Progress:
    """A run's state and its transitions. `failure` is the first error that no edge handled."""

    def __init__(
        self, workflow: CompiledWorkflow, graph: Graph, state: RunState, logs: BlockLogs, stop_after: str | None
    ) -> None:
        self.state = state
        self.logs = logs
        self.positions = ScopePositions(workflow.state, state)
        self.scheduler = Scheduler(workflow.state, graph, state)
        self.failure: RunError | None = None
        self._workflow = workflow
        self._stop_after = stop_after

    @property
    def is_over(self) -> bool:
        """Return whether nothing new may start; work in progress still finishes."""
        return self.failure is not None or self.state.finished

    def block_output(self, entry: Entry) -> list[BlockOutput]:
        """Return the block's output in an entry about to be applied; nothing if it failed or waits."""
        if not isinstance(entry, BlockFinished) or entry.error is not None or entry.pause is not None:
            return []
        return [BlockOutput(self.scheduler.node(entry.work).block_id, entry.output)]

    def apply(self, entry: Entry) -> list[BlockOutput]:
        """Apply an entry; return the resulting outputs besides its own block's."""
        if isinstance(entry, LoggedEntry):
            self.state.order = max(self.state.order, entry.order)
        match entry:
            case BlockFinished():
                self._apply_finished(entry)
                return self._log_exits(entry.log.ended_at)
            case ContainerOpened():
                self._apply_opened(entry)
                return self._log_exits(entry.at)
            case LoopChecked():
                self._apply_checked(entry)
                return self._log_exits(entry.at, problem=entry.problem)
            case PauseResumed():
                pause = self.state.pauses.pop(entry.context_id)
                self.logs.record_resume(pause.order, entry.output, entry.at)
                self._record_resume(pause.order, entry.output)
                self._finish(pause.work, pause.block_id, entry.output)
                return [BlockOutput(pause.block_id, entry.output), *self._log_exits(entry.at)]
            case EffectAnnounced():
                self.state.intents.add(entry.work)
            case ChildPinned():
                self.state.pins[child_key(entry.work)] = entry.pin
            case ChildEntry():
                self.state.children.setdefault(child_key(entry.work), []).append(entry.entry)
            case CallPaused():
                self._apply_call_paused(entry)
            case CallResumed():
                self._apply_call_resumed(entry.work)
        return []

    def requeue_running(self) -> None:
        """Make work ready again that was in progress in the stored state."""
        self.state.ready[:0] = self.state.running.values()
        self.state.running.clear()

    def next_order(self) -> int:
        """Return the number of the next log entry: 1, 2, 3 …"""
        self.state.order += 1
        return self.state.order

    def _apply_finished(self, entry: BlockFinished) -> None:
        node = self.scheduler.node(entry.work)
        self.state.intents.discard(entry.work)
        self._remove_child(entry.work)
        self.state.variables.update(entry.assignments)
        self.state.assigned.update(entry.assignments)
        self.state.usage = add_usage(self.state.usage, entry.usage)
        self.logs.add_block(entry.log, entry.output)
        if entry.recorded is not None:
            recorded = entry.recorded
            has_output = recorded.output is not None
            self.state.recorded.append(recorded if has_output else replace(recorded, output=entry.output))
            self.state.recorded_bytes += recorded.size
        if entry.pause is not None:
            self.state.running.pop(entry.work.key, None)
            self.state.pauses[entry.pause.context_id] = entry.pause
        elif entry.error is not None and not entry.handled:
            self._fail(entry.work, entry.error)
        else:
            self._finish(entry.work, node.block_id, entry.output)

    def _record_resume(self, order: int, output: Output) -> None:
        """Replace the recorded output of a paused block by its final one."""
        for index, block in enumerate(self.state.recorded):
            if block.order == order:
                self.state.recorded[index] = replace(block, output=output)

    def _remove_child(self, work: Work) -> None:
        for by_key in (self.state.children, self.state.pins, self.state.waiting):
            if by_key:
                by_key.pop(child_key(work), None)

    def _apply_call_paused(self, entry: CallPaused) -> None:
        key = child_key(entry.work)
        self.state.running.pop(entry.work.key, None)
        self.state.pauses.update((pause.context_id, pause) for pause in entry.pauses)
        left = entry.state
        if left is not None:
            self.state.children.pop(key, None)
        elif (before := self.state.waiting.get(key)) is not None:
            left = before.state
        self.state.waiting[key] = WaitingCall(entry.log, entry.usage, left)

    def _apply_call_resumed(self, work: Work) -> None:
        self.state.pauses = {name: pause for name, pause in self.state.pauses.items() if pause.work != work}
        self.state.ready.append(work)

    def _finish(self, work: Work, block_id: str, output: Output) -> None:
        is_response = self._workflow.blocks[block_id].type == RESPONSE and "error" not in output
        if self.is_over:
            self.scheduler.settle(work, output)
        elif is_response or block_id == self._stop_after:
            self.scheduler.settle(work, output)
            self.state.final, self.state.is_response, self.state.finished = output, is_response, True
        else:
            self.scheduler.complete(work, output)

    def _apply_opened(self, entry: ContainerOpened) -> None:
        if self.is_over:
            self.state.running.pop(entry.work.key, None)
        elif entry.opening is None:
            self._fail_container(entry.work, entry.error, entry.at)
        else:
            self.scheduler.open(entry.work, entry.opening, entry.at)

    def _apply_checked(self, entry: LoopChecked) -> None:
        if self.is_over:
            self.state.running.pop(entry.work.key, None)
        elif entry.error is not None:
            self._fail_container(entry.work, entry.error, entry.at)
        else:
            self.scheduler.check(entry.work, again=entry.again)

    def _fail(self, work: Work, error: RunError | None) -> None:
        self.state.running.pop(work.key, None)
        if self.failure is None and not self.state.finished:
            self.failure = error

    def _fail_container(self, work: Work, error: RunError | None, at: datetime) -> None:
        self._fail(work, error)
        iterations = self.positions.iterations(self.state.scopes[work.scope])
        self._log_container(
            self.scheduler.node(work).block_id, iterations, {}, at, at, error=error.message if error else ""
        )

    def _log_exits(self, at: datetime, problem: str | None = None) -> list[BlockOutput]:
        """Log the finished containers, innermost first. `problem`: the innermost one's reason."""
        exits, self.scheduler.exits = self.scheduler.exits, []
        for left in exits:
            self._log_container(left.block_id, left.iterations, left.output, left.started_at, at, problem=problem)
            problem = None
            if left.block_id == self._stop_after and not self.state.finished:
                self.state.final, self.state.finished = left.output, True
        return [BlockOutput(left.block_id, left.output) for left in exits]

    def _log_container(
        self,
        block_id: str,
        iterations: tuple[Iteration, ...],
        output: Output,
        started_at: datetime,
        ended_at: datetime,
        *,
        error: str | None = None,
        problem: str | None = None,
    ) -> None:
        block = self._workflow.blocks[block_id]
        is_copy = any(enclosing.is_parallel and enclosing.index for enclosing in iterations)
        entry = BlockLog(
            block_id=block_id,
            block_name=block.type if is_copy else block.name,
            block_type=block.type,
            started_at=started_at,
            ended_at=ended_at,
            duration_ms=ms_between(started_at, ended_at),
            execution_order=self.next_order(),
            success=error is None,
            error=error,
            input=None if problem is None else self.logs.redact(self._condition_input(block_id, problem)),
        )
        entry = at_position(entry, iterations, is_container=True)
        self.logs.add_block(entry, output)

    def _condition_input(self, loop_id: str, problem: str) -> JsonObject:
        """Return the condition of a loop that ended because of its error."""
        condition = self._workflow.loops[loop_id].condition
        return {"condition": "" if condition is None else condition.source, "problem": problem}


def child_key(work: Work) -> str:
    """Return the key of a block's child run in its parent's state."""
    return f"{work.scope}#{work.node}"
