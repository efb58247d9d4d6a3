"""What a block's handler sees of the run that it works for."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from executor_service.engine.places import Round, context_id, place
from executor_service.engine.request import RunRequest, RunResult
from executor_service.engine.sources import Resolver
from executor_service.engine.state import ChildPin, Output
from executor_service.engine.streaming import TextWriter
from shared.contracts.usage import Usage
from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.graph import Body, Fires, Node
from shared.workflow.format.js_values import Json


class ChildRunner(Protocol):
    """Runs another workflow inside this run: its slot, its time, its journal."""

    async def __call__(self, workflow: CompiledWorkflow, request: RunRequest) -> RunResult:
        """How the child ended. Cancelled with the block that called it."""
        ...


class Call(msgspec.Struct, frozen=True):
    """One run of one block."""

    block: CompiledBlock
    node: Node
    body: Body
    """The nodes that this one is wired to."""
    workflow: CompiledWorkflow
    request: RunRequest
    resolver: Resolver
    environment: Mapping[str, str]
    variables: Mapping[str, Json]
    """Values of the workflow's variables, by id."""
    start_output: Output
    rounds: tuple[Round, ...]
    """The loops and parallels around, innermost first."""
    now: Callable[[], datetime]
    remaining_seconds: Callable[[], float]
    """How long it may take at most: a little longer than there is time, since it is the run that times out then."""
    run_child: ChildRunner
    spend: Callable[[Usage], None]
    """Tell what a model was paid, as soon as that is known; what a called workflow spends is told already."""
    hidden: Callable[[str], str]
    """Text without any value of the environment."""
    shown_reason: Callable[[str], str]
    """Why something failed, as callers may read it: without secrets. Only what is raised is made so by the engine."""
    pin: Callable[[ChildPin], Awaitable[None]]
    """Keep the version of a workflow that is about to be called."""
    pinned: ChildPin | None = None
    """The version that was called here already, before the run paused or its worker was lost."""
    writer: TextWriter | None = None
    """Where text goes while it is written; None when nobody asked for it. It is kept when the run is stopped."""

    @property
    def context_id(self) -> str:
        """The name of a pause at this block, or the beginning of those in a workflow that it calls."""
        return self.request.pause_prefix + context_id(self.block.id, self.rounds)

    @property
    def place(self) -> str:
        """A name that no other execution of any block in the run has, those of called workflows included.

        It is the same when the run is restored.
        """
        return self.request.within + place(self.block.id, self.rounds)

    def target_of(self, fires: Fires, choice: str) -> CompiledBlock | None:
        """The block that a choice leads to, None when no edge is wired to it."""
        for edge in self.node.edges:
            if edge.fires is fires and edge.choice == choice:
                return self.workflow.blocks[self.body.nodes[edge.target].block_id]
        return None
