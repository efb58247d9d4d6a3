"""Runs as jobs-service takes, queues and shows them."""

from datetime import datetime

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.errors import ErrorBody
from shared.contracts.outcomes import RunError
from shared.contracts.pauses import PausePoint
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, RunStatus, Trigger
from shared.contracts.usage import Usage


class AcceptRun(msgspec.Struct, frozen=True):
    """Store this run; it will be executed whatever dies. Answered by RunAccepted or AT_CAPACITY."""

    run: RunSpec
    concurrency_limit: int
    """How many runs of this workspace may be processing at once."""


class RunAccepted(msgspec.Struct, frozen=True):
    """The run is stored by a majority; `job_id` is its name under /api/jobs."""

    run_id: str
    job_id: str
    created_at: datetime


class AcceptRuns(msgspec.Struct, frozen=True):
    """Store these runs, each by itself: some may be refused. Answered by AcceptAnswers."""

    runs: tuple[AcceptRun, ...]


class AcceptAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one of many: exactly one of the two is there."""

    accepted: RunAccepted | None = None
    refused: ErrorBody | None = None


class AcceptAnswers(msgspec.Struct, frozen=True):
    """In the order in which the runs were asked for."""

    answers: tuple[AcceptAnswer, ...]


class RunView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run as it stands, for every reader (job status, run status, run lists)."""

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
    """What the run waits for; those that were answered are left out."""


class RunPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs, newest first, without output and blocks. `next_cursor` is None on the last page."""

    runs: tuple[RunView, ...]
    next_cursor: str | None = None


class QueueStanding(msgspec.Struct, frozen=True):
    """A workspace's queue: how long it is, how long it may be, and what a new run would wait; None where unknown."""

    queued: int
    limit: int
    wait_seconds: float | None
