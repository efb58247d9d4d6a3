"""Runs as jobs-service accepts, queues, pauses, cancels and returns them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.errors import ErrorBody
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunError, RunMode, RunOutcome, RunSpec, RunStatus, Trigger, Usage

REDACTED: Final = "[REDACTED]"
"""Replacement for secrets in logs."""


class BlockLog(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One execution of one block. Stored with the run and shown in its trace."""

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


class PauseKind(StrEnum):
    """What a pause waits for."""

    HUMAN = "human"
    TIME = "time"


class PausePoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block that waits. Both times are the worker's: only differences between its times are meaningful."""

    context_id: str
    """Unique within the run."""
    block_id: str
    kind: PauseKind
    registered_at: datetime
    resume_at: datetime | None = None


class PauseRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attached run has paused: store it, so that it can continue without its caller. It is then durable."""

    run: RunSpec
    outcome: RunOutcome
    pauses: tuple[PausePoint, ...]
    state: Payload
    """Engine state; stored and returned unread."""
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    files: tuple[str, ...] = ()
    """Ids of files that its blocks may still read."""


class ResumeRun(msgspec.Struct, frozen=True):
    """End a pause of a run of this workflow with `answer`, a JSON object."""

    workspace_id: str
    workflow_id: str
    context_id: str
    answer: msgspec.Raw


class ResumeAnswer(msgspec.Struct, frozen=True):
    """The answer is stored and will be consumed once. `is_next` is False while an earlier answer is processed."""

    run_id: str
    is_next: bool


class AcceptRun(msgspec.Struct, frozen=True):
    """Store this run, so that it survives any process. Answered by RunAccepted or AT_CAPACITY."""

    run: RunSpec
    concurrency_limit: int
    """How many runs of this workspace may execute concurrently."""


class RunAccepted(msgspec.Struct, frozen=True):
    """The run is stored by a majority; `job_id` identifies it under /api/jobs."""

    run_id: str
    job_id: str
    created_at: datetime


class AcceptRuns(msgspec.Struct, frozen=True):
    """Store these runs individually: some may be refused. Answered by AcceptAnswers."""

    runs: tuple[AcceptRun, ...]


class AcceptAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Result of one of many: exactly one field is set."""

    accepted: RunAccepted | None = None
    refused: ErrorBody | None = None


class AcceptAnswers(msgspec.Struct, frozen=True):
    """In request order."""

    answers: tuple[AcceptAnswer, ...]


class RunView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run for all readers (job status, run status, run lists)."""

    run_id: str
    job_id: str | None = None
    workspace_id: str
    workflow_id: str
    version: int | None = None
    status: RunStatus
    mode: RunMode
    trigger: Trigger
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: float | None = None
    time_limit_ms: int | None = None
    attempt: int = 0
    output: Payload | None = None
    error: RunError | None = None
    usage: Usage = Usage()
    blocks: tuple[BlockLog, ...] = ()
    version_id: str | None = None
    conversation_id: str | None = None
    caller_name: str | None = None
    paused_at: datetime | None = None
    pauses: tuple[PausePoint, ...] = ()
    """The run's unanswered pauses."""
    repair_of: str | None = None
    """The failed run that this run repairs."""
    search_is_cut: bool = False
    """The search index contains only a part of its words."""


class RunPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs, newest first, without output and blocks. `next_cursor` is None on the last page."""

    runs: tuple[RunView, ...]
    next_cursor: str | None = None


class QueueStatus(msgspec.Struct, frozen=True):
    """A workspace's queue: length, limit, and expected wait of a new run; None where unknown."""

    queued: int
    limit: int
    wait_seconds: float | None


class CancelReason(StrEnum):
    """Result of a cancel request."""

    RECORDED = "recorded"
    QUEUE_CANCELLED = "queue_cancelled"
    ALREADY_CANCELLED = "already_cancelled"


class RecordCancel(msgspec.Struct, frozen=True):
    """Cancel a run of this workflow, even one not yet known."""

    workspace_id: str
    workflow_id: str


class CancelAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Result of a cancel. `reason` is a CancelReason, or a newer version's code."""

    run_id: str
    reason: str
    was_paused: bool = False


class RunFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Selects runs of a workflow: accepted from `since` on and before `until`, by current status."""

    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY_RUN: Final = RunFilter()


class CancelRuns(msgspec.Struct, frozen=True):
    """Cancel all active runs of this workflow that match `only`."""

    workspace_id: str
    workflow_id: str
    only: RunFilter


class CancelledRuns(msgspec.Struct, frozen=True):
    """Runs that were cancelled, or asked to stop. With `has_more`, repeat the request."""

    run_ids: tuple[str, ...]
    has_more: bool
