"""Messages between workers and jobs-service about durable runs."""

import msgspec

from shared.contracts.jobs import BlockLog, PausePoint
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunSpec, Usage


class ClaimRun(msgspec.Struct, frozen=True):
    """Claim a dispatched run for a worker. `redelivered` is the broker's flag.

    `claim_id` identifies one delivery of the message: a repeated id means that the response was lost. `pages`: the
    worker reads a long journal page by page. A worker of an earlier version receives the whole journal.
    """

    dispatch_id: str
    worker_id: str
    redelivered: bool
    claim_id: str | None = None
    pages: bool = False


class JournalEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of a durable run, which later attempts replay instead of repeating it.

    The engine defines `kind` and `data`; jobs-service stores entries in order and does not interpret them.
    """

    index: int
    kind: str
    data: msgspec.Raw


class JournalPosition(msgspec.Struct, frozen=True):
    """A journal entry and the attempt that wrote it."""

    index: int
    attempt: int


class JournalPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Entries in order. `more_behind` is the position of the last one if more may follow."""

    entries: tuple[JournalEntry, ...] = ()
    more_behind: JournalPosition | None = None


class ClaimGranted(msgspec.Struct, frozen=True):
    """The worker holds the run: `attempt` fences every later write. The lease ends after `lease_ms` without renewal."""

    run: RunSpec
    attempt: int
    lease_ms: int
    remaining_ms: int
    """Time left until the run's time limit."""
    journal: tuple[JournalEntry, ...] = ()
    """The first page."""
    state: Payload | None = None
    """Engine state when the run was stored, if it began attached; the journal continues it."""
    answers: dict[str, msgspec.Raw] = {}
    """JSON objects that end pauses, by context id. Those that an earlier attempt consumed are not consumed again."""
    more_behind: JournalPosition | None = None
    """Position of the last entry in `journal`, as in JournalPage."""
    ticket: str = ""
    """Ticket of this attempt, which lets the worker read the run's data."""


class ClaimAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`granted` is None if the run is unknown, has ended or is held by another worker: acknowledge the message then."""

    granted: ClaimGranted | None = None


class RenewLease(msgspec.Struct, frozen=True):
    """Renew the lease."""

    attempt: int


class LeaseAnswer(msgspec.Struct, frozen=True):
    """Renewed lease. The worker must stop the run if `cancelled` is set."""

    cancelled: bool


class AppendJournal(msgspec.Struct, frozen=True):
    """Append entries to the journal. Fails with STALE_ATTEMPT, and stores none, unless `attempt` is the current one."""

    attempt: int
    entries: tuple[JournalEntry, ...]


class FinishRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Report how the attempt ended. The first terminal state wins; reports of older attempts are refused.

    `pauses` are the pause points of a paused run, `files` the ids of files that its blocks may still read.
    """

    attempt: int
    outcome: RunOutcome
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    pauses: tuple[PausePoint, ...] = ()
    files: tuple[str, ...] = ()


class ReleaseRun(msgspec.Struct, frozen=True):
    """Return the run from a draining worker, without counting it as an attempt."""

    attempt: int
