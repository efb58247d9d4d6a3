"""The internal HTTP bodies of jobs-service."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.errors import ErrorBody
from shared.contracts.outcomes import RunError, RunOutcome
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


class ClaimRun(msgspec.Struct, frozen=True):
    """A worker asks for a dispatched run. `redelivered` is the broker's own flag.

    `claim_id` stands for one delivery of the message: who asks with it again has not heard the answer.
    """

    dispatch_id: str
    worker_id: str
    redelivered: bool
    claim_id: str | None = None


class JournalEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened in a durable run and will never happen again.

    `kind` and `data` are the engine's; jobs-service stores and returns them in order, unread.
    """

    index: int
    kind: str
    data: msgspec.Raw


class ClaimGranted(msgspec.Struct, frozen=True):
    """The run is this worker's: `attempt` fences every write that follows. `lease_ms` is how long without a renewal."""

    run: RunSpec
    attempt: int
    lease_ms: int
    remaining_ms: int
    """What is left of the run's time limit."""
    journal: tuple[JournalEntry, ...] = ()
    state: Payload | None = None
    """Where the engine stood when the run was stored, for one that began attached; the journal follows it."""
    answers: dict[str, msgspec.Raw] = {}
    """JSON objects that end pauses, by context id. One that an earlier attempt took is not taken again."""


class ClaimAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`granted` is None when the run is somebody else's, over or unknown: settle the message and forget it."""

    granted: ClaimGranted | None = None


class RenewLease(msgspec.Struct, frozen=True):
    """Still at work."""

    attempt: int


class LeaseAnswer(msgspec.Struct, frozen=True):
    """`cancelled` asks the worker to stop."""

    cancelled: bool


class AppendJournal(msgspec.Struct, frozen=True):
    """Store these entries, or refuse all of them with STALE_ATTEMPT."""

    attempt: int
    entries: tuple[JournalEntry, ...]


class FinishRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the attempt ended. The first terminal state wins; an older attempt's is refused.

    `pauses` is what a paused run waits for.
    """

    attempt: int
    outcome: RunOutcome
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    pauses: tuple[PausePoint, ...] = ()


class PauseRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attached run has paused: store it, so that it can go on without its caller. It is durable from then on."""

    run: RunSpec
    outcome: RunOutcome
    pauses: tuple[PausePoint, ...]
    state: Payload
    """The engine's; stored and returned unread."""
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()


class ResumeRun(msgspec.Struct, frozen=True):
    """End a pause of a run of this workflow with `answer`, a JSON object."""

    workspace_id: str
    workflow_id: str
    context_id: str
    answer: msgspec.Raw


class ResumeAnswer(msgspec.Struct, frozen=True):
    """The answer is stored and will be taken once. `is_next` is False while an earlier answer is at work."""

    run_id: str
    is_next: bool


class ReleaseRun(msgspec.Struct, frozen=True):
    """A draining worker hands the run back; costs no attempt."""

    attempt: int


class CancelReason(StrEnum):
    """What a cancel found."""

    RECORDED = "recorded"
    QUEUE_CANCELLED = "queue_cancelled"
    ALREADY_CANCELLED = "already_cancelled"


class CancelAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a cancel found. `reason` is a CancelReason, or the word of a newer version."""

    run_id: str
    reason: str
    was_paused: bool = False


class RunFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which runs of a workflow are meant: those accepted from `since` on and before `until`, as they stand now."""

    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


class CancelRuns(msgspec.Struct, frozen=True):
    """Cancel all runs of this workflow that are not over, as far as `only` means them."""

    workspace_id: str
    workflow_id: str
    only: RunFilter


class CancelledRuns(msgspec.Struct, frozen=True):
    """Which runs were cancelled, or asked to stop. With `has_more`, ask again."""

    run_ids: tuple[str, ...]
    has_more: bool


class RecordCancel(msgspec.Struct, frozen=True):
    """Cancel a run of this workflow, seen already or not."""

    workspace_id: str
    workflow_id: str


class StoredBlob(msgspec.Struct, frozen=True):
    """Where a large value went."""

    blob_id: str
    size: int


class QueueStanding(msgspec.Struct, frozen=True):
    """A workspace's queue: how long it is, how long it may be, and what a new run would wait; None where unknown."""

    queued: int
    limit: int
    wait_seconds: float | None


class Spend(msgspec.Struct, frozen=True):
    """What a workspace spent on models in a month (`YYYY-MM`, UTC); the latest seconds may be missing."""

    workspace_id: str
    month: str
    usage: Usage


class RunTally(msgspec.Struct, frozen=True):
    """How many runs of a workflow have begun and ended, and when the last of them ended; the latest may be missing."""

    workspace_id: str
    workflow_id: str
    runs: int
    last_ended_at: datetime

    def plus(self, more: "RunTally") -> "RunTally":
        """Both together."""
        last = max(self.last_ended_at, more.last_ended_at)
        return RunTally(self.workspace_id, self.workflow_id, self.runs + more.runs, last)


class FindTallies(msgspec.Struct, frozen=True):
    """Whose tallies are wanted."""

    workspace_id: str
    workflow_ids: tuple[str, ...]


class RunTallies(msgspec.Struct, frozen=True):
    """Those that there are; a workflow that never ran has none."""

    tallies: tuple[RunTally, ...]
