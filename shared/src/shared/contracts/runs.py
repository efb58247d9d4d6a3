"""A run: how it is asked for, and what states it passes through."""

from enum import StrEnum
from typing import Final, Self

import msgspec

from shared.contracts.files import FileScope
from shared.contracts.payloads import Payload


class RunMode(StrEnum):
    """How the caller receives the result."""

    SYNC = "sync"
    STREAM = "stream"
    ASYNC = "async"


class RunStatus(StrEnum):
    """The states of a run. The last three are terminal."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether a run in this state can change no more."""
        return self in TERMINAL_STATUSES


TERMINAL_STATUSES = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


class Trigger(StrEnum):
    """What started the run; it selects the start block and is shown in logs."""

    API = "api"
    MANUAL = "manual"
    CHAT = "chat"
    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    MCP = "mcp"
    A2A = "a2a"
    WORKFLOW = "workflow"


class SnapshotRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which immutable workflow state to run."""

    workspace_id: str
    workflow_id: str
    snapshot_hash: str
    version: int | None = None
    version_id: str | None = None


class RunFromBlock(msgspec.Struct, frozen=True):
    """Run a block and what follows it, on outputs that an earlier run left."""

    block_id: str
    outputs: Payload
    """A JSON object: the output of each block that has run, by its id."""


CALL_CHAIN_HEADER: Final = "x-sim-via"
"""Which workflows led to a call, outermost first."""
MAX_CALL_DEPTH: Final = 25
"""How many they may be: the guard against workflows that call each other for ever."""
CALL_CHAIN_TOO_DEEP: Final = f"Maximum workflow call chain depth ({MAX_CALL_DEPTH}) exceeded."


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a worker needs to know of a run, whichever way it was asked for.

    Times are durations in milliseconds, never wall-clock deadlines: clocks differ.
    """

    run_id: str
    snapshot: SnapshotRef
    mode: RunMode
    input: Payload
    trigger: Trigger = Trigger.API
    time_limit_ms: int
    time_limit_text_ms: int | None = None
    """The limit that the time-out message names, where it differs from the one that is left."""
    workflow_name: str = ""
    selected_outputs: tuple[str, ...] = ()
    stop_after_block_id: str | None = None
    include_thinking: bool = False
    include_tool_calls: bool = False
    agent_events: bool = False
    """The caller reads thoughts, tool calls and text that is taken back."""
    include_file_base64: bool = True
    base64_max_bytes: int | None = None
    call_chain: tuple[str, ...] = ()
    """Workflow ids of the runs that led here, outermost first (`X-Sim-Via`)."""
    actor_id: str | None = None
    """Who called: a key id or a member id; None for a public call."""
    caller_name: str | None = None
    """The same for people: what the key or the member is called; kept for readers."""
    user_id: str | None = None
    """Whose session or personal key it was: that person's environment values stand in for missing ones."""
    conversation_id: str | None = None
    """The caller's own name for what the run is a part of; kept for readers."""
    callback_url: str | None = None
    """Who wants to be told when the run has ended; for durable runs."""
    traceparent: str | None = None
    """The trace that a durable run belongs to; an attached one's is in its envelope."""
    keep_events: bool = False
    """Keep the events of this durable run for readers who come later, or come back."""
    include_block_events: bool = False
    """Tell when each block begins and ends, for the canvas."""
    start_block_id: str | None = None
    """Begin here instead of at the trigger's start block."""
    run_from: RunFromBlock | None = None
    listener: str | None = None
    """The reply address of whoever follows the run from its start."""
    stores_data: bool = True
    """What the run takes and gives may be kept beyond its end."""
    log_retention_ms: int = 0
    """How long after its end it is found in the logs, where that is longer than its result is kept."""
    file_scope: FileScope = FileScope.RUN
    """Which stored files the run may read: those that its caller may read."""

    @property
    def is_nested(self) -> bool:
        """Whether another run waits for this one, which called it over HTTP."""
        return bool(self.call_chain)

    def without_input(self) -> Self:
        """As it may be kept where it must not say what the run was given."""
        kept_apart = Payload(blob_id=self.input.blob_id)  # by which a deletion finds it
        return msgspec.structs.replace(self, input=kept_apart, run_from=None)
