"""Specification, states, outcome and usage of a run."""

from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Self

import msgspec

from shared.clock import ms_between
from shared.contracts.files import FileScope
from shared.contracts.payloads import Payload
from shared.contracts.recording_policy import RecordRun, ReplayRun


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
        """Return whether this state is final."""
        return self in TERMINAL_STATUSES


TERMINAL_STATUSES = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})


class Trigger(StrEnum):
    """What started the run; selects the start block and appears in logs."""

    API = "api"
    MANUAL = "manual"
    CHAT = "chat"
    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    MCP = "mcp"
    A2A = "a2a"
    WORKFLOW = "workflow"


class SnapshotRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Reference to an immutable workflow state."""

    workspace_id: str
    workflow_id: str
    snapshot_hash: str
    version: int | None = None
    version_id: str | None = None


class RunFromBlock(msgspec.Struct, frozen=True):
    """Run a block and its successors on the outputs of an earlier run."""

    block_id: str
    outputs: Payload
    """A JSON object: outputs of executed blocks, by id."""


CALL_CHAIN_HEADER: Final = "x-sim-via"
"""Workflows that led to a call, outermost first."""
MAX_CALL_DEPTH: Final = 25
"""Maximum call depth: stops workflows that call each other endlessly."""
CALL_CHAIN_TOO_DEEP: Final = f"Maximum workflow call chain depth ({MAX_CALL_DEPTH}) exceeded."


class RunOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Options that the caller chooses and every service passes on unchanged.

    A base of other structs instead of a field, so that messages stay flat and older processes can read them.
    """

    mode: RunMode
    trigger: Trigger = Trigger.API
    selected_outputs: tuple[str, ...] = ()
    stop_after_block_id: str | None = None
    include_thinking: bool = False
    include_tool_calls: bool = False
    agent_events: bool = False
    """The caller reads reasoning, tool calls and retracted text."""
    include_file_base64: bool = True
    base64_max_bytes: int | None = None
    call_chain: tuple[str, ...] = ()
    """Workflow ids of the runs that led here, outermost first (`X-Sim-Via`)."""
    conversation_id: str | None = None
    """Caller's id for the conversation of this run; stored for readers."""
    callback_url: str | None = None
    """URL notified when the run has ended; for durable runs."""
    keep_events: bool = False
    """Store the events of this durable run for later readers."""
    replay: ReplayRun | None = None
    """Replay this recorded run instead of running the workflow on an input."""

    def options(self) -> dict[str, Any]:
        """Return the options by field name."""
        return dict(zip(_OPTION_NAMES, _option_values(self), strict=True))


_OPTION_NAMES: Final = RunOptions.__struct_fields__
_option_values: Final = attrgetter(*_OPTION_NAMES)


class RunSpec(RunOptions, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a worker needs to execute a run.

    Times are durations in milliseconds, never wall-clock deadlines: clocks differ.
    """

    run_id: str
    snapshot: SnapshotRef
    input: Payload
    time_limit_ms: int
    time_limit_text_ms: int | None = None
    """The limit that the time-out message names, if it differs from the remaining one."""
    workflow_name: str = ""
    actor_id: str | None = None
    """Caller's key id or member id; None for a public call."""
    caller_name: str | None = None
    """Display name of the key or member, stored for readers."""
    user_id: str | None = None
    """Owner of the session or personal key, whose environment values replace missing ones."""
    traceparent: str | None = None
    """Trace of a durable run; an attached run's is in its envelope."""
    include_block_events: bool = False
    """Send an event when each block begins and ends, for the canvas."""
    start_block_id: str | None = None
    """Begin at this block instead of the trigger's start block."""
    run_from: RunFromBlock | None = None
    listener: str | None = None
    """Reply address that follows the run from its start."""
    stores_data: bool = True
    """Whether the run's input and output may be stored after it ends."""
    log_retention_ms: int = 0
    """How long it stays in the logs after its end, if longer than its result."""
    file_scope: FileScope = FileScope.RUN
    """Stored files that the run may read: those that its caller may read."""
    record: RecordRun | None = None
    """Record the run; None if it is not recorded."""
    repair_of: str | None = None
    """The failed run whose journal this durable run continues."""
    inherited_entries: int = 0
    """Number of journal entries that it continues from."""

    @property
    def is_nested(self) -> bool:
        """Return whether another run waits for this one, which it called over HTTP."""
        return bool(self.call_chain)

    def without_input(self) -> Self:
        kept_apart = Payload(blob_id=self.input.blob_id)  # lets a deletion find the blob
        return msgspec.structs.replace(self, input=kept_apart, run_from=None)


class ErrorCode(StrEnum):
    """Error codes of failed runs, for programs."""

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
"""Limit of a failed block's message, which may come from another server. A run's end then fits into any message."""


class RunError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed.

    `message` has no block prefix; `block_name` is set if a block caused the failure. `http_status` is set if the caller
    caused it (400) or it is temporary (503), never from a status that a remote API returned.
    """

    code: ErrorCode
    message: str
    block_id: str | None = None
    block_name: str | None = None
    block_type: str | None = None
    http_status: int | None = None

    @property
    def text(self) -> str:
        """Return the message in the legacy API's format: the block's name first."""
        return f"{self.block_name}: {self.message}" if self.block_name else self.message


def timeout_message(limit_ms: int) -> str:
    """Return the message for a run that took longer than `limit_ms`: whole minutes from one minute on, else seconds."""
    if limit_ms < 1000:
        return f"Execution timed out after {limit_ms} ms"
    minutes, seconds = divmod(limit_ms // 1000, 60)
    if minutes == 0:
        return f"Execution timed out after {seconds} seconds"
    return f"Execution timed out after {minutes} minute{'' if minutes == 1 else 's'}"


NOT_STORED: Final = "[not kept]"


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

    @property
    def is_loss(self) -> bool:
        """Return whether the run ended because its worker was lost."""
        return self.error is not None and self.error.code is ErrorCode.WORKER_LOST

    def for_caller(self) -> Self:
        """Return the outcome without the output that only logs show."""
        return self if self.output.logged is None else msgspec.structs.replace(self, output=self.output.exact())

    def without_data(self) -> Self:
        """Return the outcome without its output and the error's text, which may repeat it."""
        error = None if self.error is None else msgspec.structs.replace(self.error, message=NOT_STORED)
        return msgspec.structs.replace(self, output=Payload(), error=error)


def worker_lost(began_at: datetime, now: datetime) -> RunOutcome:
    """Return the outcome of a run whose worker was lost, and that must not restart."""
    return _ended_without_worker(
        RunStatus.FAILED, began_at, now, RunError(ErrorCode.WORKER_LOST, WORKER_LOST, http_status=503)
    )


def cancelled_without_worker(asked_at: datetime, now: datetime) -> RunOutcome:
    """Return the outcome of a run that was cancelled while no worker executed it."""
    return _ended_without_worker(RunStatus.CANCELLED, asked_at, now)


def _ended_without_worker(
    status: RunStatus, since: datetime, now: datetime, error: RunError | None = None
) -> RunOutcome:
    return RunOutcome(
        status=status,
        output=EMPTY_OUTPUT,
        error=error,
        started_at=since,
        ended_at=now,
        duration_ms=ms_between(since, now),
    )


MOST_TOKENS: Final = 10**12
"""More than any run can use. Model servers may report any number, and sums must fit into the store."""


def plausible_tokens(tokens: int) -> int:
    """Return a reported number of tokens, limited to a plausible value."""
    return min(max(tokens, 0), MOST_TOKENS)


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Model usage of a run."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    models: dict[str, dict[str, float]] = {}


class Spend(msgspec.Struct, frozen=True):
    """Model spend of a workspace in a month (`YYYY-MM`, UTC); the latest seconds may be missing."""

    workspace_id: str
    month: str
    usage: Usage
