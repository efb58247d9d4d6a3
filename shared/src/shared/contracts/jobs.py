"""Runs as jobs-service accepts, queues and returns them."""

from datetime import datetime

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.errors import ErrorBody
from shared.contracts.pauses import PausePoint
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunError, RunMode, RunSpec, RunStatus, Trigger, Usage


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
