"""Interface of block types: prepare, run, resume; and a block's access to its run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from executor_service.engine.positions import Iteration, context_id, execution_path
from executor_service.engine.request import RunRequest, RunResult
from executor_service.engine.resolver import Resolver
from executor_service.engine.state import ChildPin, ChildSpans, Output, Pause, RunState
from executor_service.engine.stream import TextWriter
from shared.contracts.runs import Usage
from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.graph import Body, EdgeCondition, Node
from shared.workflow.format.js_values import Json, JsonObject


class ChildRunner(Protocol):
    """Runs another workflow inside this run, with its slot, time and journal."""

    async def __call__(self, workflow: CompiledWorkflow, request: RunRequest) -> RunResult:
        """Return the child's result. It is canceled with the block that called it."""


class Call(msgspec.Struct, frozen=True):
    """One execution of one block."""

    block: CompiledBlock
    node: Node
    body: Body
    """The connected nodes."""
    workflow: CompiledWorkflow
    request: RunRequest
    resolver: Resolver
    environment: Mapping[str, str]
    variables: Mapping[str, Json]
    """Values of the workflow's variables, by id."""
    start_output: Output
    iterations: tuple[Iteration, ...]
    """The enclosing loops and parallels, innermost first."""
    now: Callable[[], datetime]
    remaining_seconds: Callable[[], float]
    """Time limit of the block: slightly more than the remaining time of the run, so that the run times out first."""
    run_child: ChildRunner
    spend: Callable[[Usage], None]
    """Report a model's cost as soon as it is known; a called workflow reports its own."""
    redact: Callable[[str], str]
    """Mask all environment values in a text."""
    redact_reason: Callable[[str], str]
    """Mask secrets in the reason of a failure, as callers may read it. The engine does so only for raised errors."""
    pin: Callable[[ChildPin], Awaitable[None]]
    """Store the version of a workflow about to be called."""
    pinned: ChildPin | None = None
    """The version called here before the run paused or its worker was lost."""
    writer: TextWriter | None = None
    """Writer of streamed text; None if not selected. Its text is preserved if the run is stopped."""

    @property
    def context_id(self) -> str:
        """Return the name of a pause at this block, or the prefix for pauses in a workflow that it calls."""
        return self.request.pause_prefix + context_id(self.block.id, self.iterations)

    @property
    def execution_path(self) -> str:
        """Return a name unique among all block executions in the run, including called workflows.

        It is the same when the run is restored.
        """
        return self.request.parent_path + execution_path(self.block.id, self.iterations)

    def target_of(self, fires: EdgeCondition, choice: str) -> CompiledBlock | None:
        """Return the block that a choice leads to; None if no edge is connected."""
        for edge in self.node.edges:
            if edge.fires is fires and edge.choice == choice:
                return self.workflow.blocks[self.body.nodes[edge.target].block_id]
        return None


class Inputs(msgspec.Struct, frozen=True):
    """A block's parameters with all references filled in. `shown` is the version for logs, if different."""

    params: JsonObject
    shown: Callable[[], JsonObject] | None = None
    extra: Any = None
    """Handler's own data, passed from `prepare` to `run`."""
    complete: Callable[[], JsonObject] | None = None
    """All values that determine the block's behavior, if `params` lacks some."""

    def recorded(self) -> JsonObject:
        """Return the values that a recording stores, and by which a replay finds the recorded answer."""
        if self.complete is not None:
            return self.complete()
        return self.params if self.params or self.shown is None else self.shown()


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """A pause of a block: for a person (`human`) or a time (`time`, `resume_at` in ISO-8601)."""

    kind: str
    response: Output
    resume_at: str | None = None


class PausedChild(msgspec.Struct, frozen=True):
    """A paused called workflow: its pauses and its state."""

    pauses: tuple[Pause, ...]
    state: RunState


class BlockResult(msgspec.Struct, frozen=True):
    """Result of a block. `assignments` sets variables, by id; `child_spans` are a child workflow's trace.

    With `paused_child` it is not finished: it runs again when a pause of the child was answered, with
    `Call.request.resumptions` for it.
    """

    output: Output
    assignments: JsonObject = {}
    pause: PauseRequest | None = None
    child_spans: ChildSpans = ()
    paused_child: PausedChild | None = None


class BlockHandler:
    """Implementation of a block type. Handlers are shared by all runs and store no state."""

    def prepare(self, call: Call) -> Inputs:
        """Fill in the parameters. Raises BadReference. Never retried."""
        return Inputs({key: call.resolver.render(template) for key, template in call.block.params.items()})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Do the block's work. Raises BlockFailure."""
        raise NotImplementedError

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """Return a paused block's output after `answer`."""
        return {**pause.output, **answer}

    @property
    def recovers(self) -> bool:
        """Return whether the block itself recovers its progress after a crash."""
        return False
