"""A run: how it is asked for, what states it passes through, how it ends."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

import msgspec


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


class ErrorCode(StrEnum):
    """Why a run failed, for programs."""

    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    INVALID_INPUT = "INVALID_INPUT"
    BLOCK_EXECUTION_FAILED = "BLOCK_EXECUTION_FAILED"
    BLOCK_OUTCOME_UNKNOWN = "BLOCK_OUTCOME_UNKNOWN"
    CHILD_WORKFLOW_FAILED = "CHILD_WORKFLOW_FAILED"
    EXECUTION_FAILED = "EXECUTION_FAILED"
    USAGE_LIMIT_EXCEEDED = "USAGE_LIMIT_EXCEEDED"
    WORKER_LOST = "WORKER_LOST"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"


MAX_ERROR_CHARS: Final = 64 * 1024
"""Of what a failed block says, which may be another server's text. With it a run's end fits into any message."""


class RunError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed.

    `message` has no block prefix; `block_name` is set when a block is to blame. `http_status` is set when the failure
    is the caller's (400) or passes by itself (503), never from a status that a remote API answered.
    """

    code: ErrorCode
    message: str
    block_id: str | None = None
    block_name: str | None = None
    block_type: str | None = None
    http_status: int | None = None

    @property
    def text(self) -> str:
        """The message as the legacy API shows it: the block's name first."""
        return f"{self.block_name}: {self.message}" if self.block_name else self.message


def time_out_text(limit_ms: int) -> str:
    """What a caller is told whose run took longer than `limit_ms`: whole minutes from one minute on, else seconds."""
    if limit_ms < 1000:
        return f"Execution timed out after {limit_ms} ms"
    minutes, seconds = divmod(limit_ms // 1000, 60)
    if minutes == 0:
        return f"Execution timed out after {seconds} seconds"
    return f"Execution timed out after {minutes} minute{'' if minutes == 1 else 's'}"


class PauseKind(StrEnum):
    """What a pause waits for."""

    HUMAN = "human"
    TIME = "time"


class PausePoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that waits. Both times are the worker's: only their difference to its other times means anything."""

    context_id: str
    """Unique within the run."""
    block_id: str
    kind: PauseKind
    registered_at: datetime
    resume_at: datetime | None = None


INLINE_LIMIT: Final = 1024 * 1024
"""Bytes of JSON that travel inline at most; a broker is no place for more."""


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """A JSON value of any size: small ones inline, larger ones by reference to the blob store of jobs-service."""

    inline: msgspec.Raw = msgspec.Raw()
    blob_id: str | None = None
    size: int = 0
    """Bytes of JSON."""


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

    @property
    def is_nested(self) -> bool:
        """Whether another run waits for this one, which called it over HTTP."""
        return bool(self.call_chain)

    def without_input(self) -> Self:
        """As it may be kept where it must not say what the run was given."""
        kept_apart = Payload(blob_id=self.input.blob_id)  # by which a deletion finds it
        return msgspec.structs.replace(self, input=kept_apart, run_from=None)


NOT_KEPT: Final = "[not kept]"


EMPTY_OUTPUT: Final = Payload(inline=msgspec.Raw(b"{}"), size=2)
WORKER_LOST: Final = "The worker was stopped before the run ended"


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a run ended (or paused)."""

    status: RunStatus
    output: Payload
    error: RunError | None = None
    started_at: datetime
    ended_at: datetime
    duration_ms: float
    is_response: bool = False
    """The output is a Response block's `{data, status, headers}`."""

    def without_data(self) -> Self:
        """As it may be kept where it must not say what the run gave; an error's text may repeat that."""
        error = None if self.error is None else msgspec.structs.replace(self.error, message=NOT_KEPT)
        return msgspec.structs.replace(self, output=Payload(), error=error)


def worker_lost(began_at: datetime, now: datetime) -> RunOutcome:
    """The end of a run whose worker is gone, and which nobody may begin again."""
    return RunOutcome(
        status=RunStatus.FAILED,
        output=EMPTY_OUTPUT,
        error=RunError(ErrorCode.WORKER_LOST, WORKER_LOST, http_status=503),
        started_at=began_at,
        ended_at=now,
        duration_ms=(now - began_at).total_seconds() * 1000,
    )


class BlockLog(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What one execution of one block did. Stored with the run and shown in its trace."""

    block_id: str
    block_name: str
    block_type: str
    started_at: datetime
    ended_at: datetime
    duration_ms: float
    success: bool
    execution_order: int
    input: Any = None
    output: Any = None
    error: str | None = None
    error_handled: bool = False
    tries: int | None = None
    loop_id: str | None = None
    parallel_id: str | None = None
    iteration_index: int | None = None
    parent_iterations: tuple[dict[str, Any], ...] = ()
    child_spans: tuple[dict[str, Any], ...] = ()


MOST_TOKENS: Final = 10**12
"""More than any run can use. Model servers say what they like, and sums of it have to fit into the store."""


def believable(tokens: int) -> int:
    """As much of a number of tokens that somebody told as can be true."""
    return min(max(tokens, 0), MOST_TOKENS)


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run spent on models."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    models: dict[str, dict[str, float]] = {}
