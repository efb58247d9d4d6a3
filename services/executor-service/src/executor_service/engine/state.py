"""State of a run between two steps, which converts to JSON and back without loss."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.jobs import BlockLog
from shared.contracts.recordings import RecordedBlock
from shared.contracts.runs import Usage

Output = dict[str, Any]
"""A block's output: a JSON object."""


ChildSpans = tuple[dict[str, Any], ...]
"""The trace of a workflow that a block called."""

NO_USAGE: Final = Usage()


class Step(StrEnum):
    """Action at a node."""

    RUN = "run"
    OPEN = "open"
    """Decide what a container iterates over."""
    CHECK = "check"
    """Decide whether a conditional loop continues."""


class Work(msgspec.Struct, frozen=True, array_like=True):
    """Ready work: a step at a node of a scope."""

    step: Step
    scope: str
    node: int

    @property
    def key(self) -> str:
        """Return the work as text."""
        return f"{self.step}:{self.scope}#{self.node}"


class Scope(msgspec.Struct, omit_defaults=True):
    """One pass through a body: the run itself, the current iteration of a loop, or a branch of a parallel.

    `key` is its path from the root, "" for the root. `remaining` counts the undecided edges into each node, `live`
    marks the nodes that an edge has reached; `pending` counts the nodes that are ready, running or paused.
    """

    key: str
    container: str | None
    parent: str | None
    frame: str
    remaining: list[int]
    live: list[int]
    pending: int = 0
    index: int = 0
    results: list[Output] = []


class Container(msgspec.Struct, omit_defaults=True):
    """A loop or parallel in progress. `scope` and `node` are its position in the enclosing body."""

    block_id: str
    scope: str
    node: int
    opened_at: datetime
    total: int | None
    """None for a loop that checks a condition after each iteration."""
    items: list[Any] | None = None
    results: list[Any] = []
    next_branch: int = 0
    open_branches: int = 0


class Opening(msgspec.Struct, omit_defaults=True):
    """Iterations of a container that the run has reached."""

    total: int | None
    items: list[Any] | None = None
    check_first: bool = False
    """Check the condition before the first iteration."""


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that waits for a person or a time. `output` is its output until then."""

    context_id: str
    work: Work
    block_id: str
    kind: str
    response: Output
    output: Output
    registered_at: str
    resume_at: str | None = None
    order: int = 0
    """The number of the block's log entry."""


class ChildPin(msgspec.Struct, frozen=True):
    """Version of a workflow that a block called: other attempts at the run call the same."""

    workflow_id: str
    name: str
    snapshot_id: str


class WaitingCall(msgspec.Struct, omit_defaults=True):
    """A block whose called workflow has paused. `log` and `usage` contain its results so far.

    `state` is the called workflow's state; None if `RunState.children` has all of it.
    """

    log: BlockLog
    usage: Usage = NO_USAGE
    state: "RunState | None" = None


class BlockOutput(msgspec.Struct, frozen=True, array_like=True):
    """Output of a block or container, for callers who selected it."""

    block_id: str
    output: Output


class RunState(msgspec.Struct, omit_defaults=True):
    """State of a run. Frames hold block outputs: one for the run and one for each branch of a parallel."""

    scopes: dict[str, Scope] = {}
    containers: dict[str, Container] = {}
    frames: dict[str, dict[str, Output]] = {}
    variables: dict[str, Any] = {}
    assigned: set[str] = set()
    """Variables set by blocks, which no longer have their author's text."""
    ready: list[Work] = []
    running: dict[str, Work] = {}
    """Started and unsettled work, by key, in order of its start."""
    intents: set[Work] = set()
    """Announced effects with unknown outcome."""
    pauses: dict[str, Pause] = {}
    final: Output | None = None
    is_response: bool = False
    finished: bool = False
    """Nothing more may start: a Response block, or the block to stop after, has completed."""
    order: int = 0
    blocks_run: int = 0
    output_bytes: int = 0
    logs: list[BlockLog] = []
    usage: Usage = NO_USAGE
    children: dict[str, list[msgspec.Raw]] = {}
    """Journal entries of child workflows in progress, by calling block."""
    pins: dict[str, ChildPin] = {}
    """Their versions, likewise."""
    waiting: dict[str, WaitingCall] = {}
    """Paused ones, likewise; `children` has later entries."""
    selected_outputs: list[BlockOutput] = msgspec.field(name="told", default_factory=list)
    """Selected outputs so far, in order: each attempt starts its stream with them."""
    recorded: list[RecordedBlock] = []
    """Executions for the recording of the run."""
    recorded_bytes: int = 0
