"""All that is known of a run between two steps, as data: it goes to JSON and back without loss."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.usage import Usage

Output = dict[str, Any]
"""What a block produced: a JSON object."""


ChildSpans = tuple[dict[str, Any], ...]
"""The trace of a workflow that a block called."""

NO_USAGE: Final = Usage()


class Step(StrEnum):
    """What there is to do at a node."""

    RUN = "run"
    OPEN = "open"
    """Decide what a container iterates over."""
    CHECK = "check"
    """Decide whether a conditional loop goes round again."""


class Work(msgspec.Struct, frozen=True, array_like=True):
    """One thing that can be done now: a step at a node of a scope."""

    step: Step
    scope: str
    node: int

    @property
    def key(self) -> str:
        """The same as text."""
        return f"{self.step}:{self.scope}#{self.node}"


class Scope(msgspec.Struct, omit_defaults=True):
    """One pass through a body: the run itself, the current iteration of a loop, or a branch of a parallel.

    `key` is its path from the root, "" for the root. `remaining` counts the undecided edges into each node, `live`
    marks the nodes that an edge has reached; `pending` counts the nodes that are due, running or paused.
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
    """A loop or parallel that is under way. `scope` and `node` say where it stands in the body around it."""

    block_id: str
    scope: str
    node: int
    opened_at: datetime
    total: int | None
    """None for a loop that asks a condition after each iteration."""
    items: list[Any] | None = None
    results: list[Any] = []
    next_branch: int = 0
    open_branches: int = 0


class Opening(msgspec.Struct, omit_defaults=True):
    """What a container decided to iterate over when it was reached."""

    total: int | None
    items: list[Any] | None = None
    check_first: bool = False
    """Ask the condition before the first iteration."""


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that waits for a person or for a moment. `output` is what it shows meanwhile."""

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
    """Which version of a workflow a block called: another attempt at the run calls the same."""

    workflow_id: str
    name: str
    snapshot_id: str


class WaitingCall(msgspec.Struct, omit_defaults=True):
    """A block whose called workflow has paused. `log` tells of it meanwhile, and `usage` what was spent so far.

    `state` is where the called workflow was left; None where `RunState.children` tells all of it.
    """

    log: BlockLog
    usage: Usage = NO_USAGE
    state: "RunState | None" = None


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a block or container gave, for a caller who selected it."""

    block_id: str
    output: Output


class RunState(msgspec.Struct, omit_defaults=True):
    """Where a run stands. Frames hold block outputs: one for the run and one for each branch of a parallel."""

    scopes: dict[str, Scope] = {}
    containers: dict[str, Container] = {}
    frames: dict[str, dict[str, Output]] = {}
    variables: dict[str, Any] = {}
    assigned: set[str] = set()
    """The variables that a block has set: these are nothing that their author wrote any more."""
    ready: list[Work] = []
    running: dict[str, Work] = {}
    """What has begun and is not settled, by key, in the order in which it began."""
    intents: set[Work] = set()
    """Effects that were announced and whose outcome is not known."""
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
    """Journal entries of child workflows that are under way, by the block that called them."""
    pins: dict[str, ChildPin] = {}
    """The versions of those, likewise."""
    waiting: dict[str, WaitingCall] = {}
    """Those that have paused, likewise; `children` has what happened in one since."""
    told: list[Told] = []
    """The selected outputs so far, in order: each attempt begins its stream with them."""
