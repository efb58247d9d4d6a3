"""What workers tell jobs-service of durable runs, and what they are told."""

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.outcomes import RunOutcome
from shared.contracts.pauses import PausePoint
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunSpec
from shared.contracts.usage import Usage


class ClaimRun(msgspec.Struct, frozen=True):
    """A worker asks for a dispatched run. `redelivered` is the broker's own flag.

    `claim_id` stands for one delivery of the message: who asks with it again has not heard the answer. `pages`: the
    worker reads a long journal page by page. One of the version before does not, and is given all of it at once.
    """

    dispatch_id: str
    worker_id: str
    redelivered: bool
    claim_id: str | None = None
    pages: bool = False


class JournalEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened in a durable run and will never happen again.

    `kind` and `data` are the engine's; jobs-service stores and returns them in order, unread.
    """

    index: int
    kind: str
    data: msgspec.Raw


class JournalPosition(msgspec.Struct, frozen=True):
    """An entry that was read, and the attempt that wrote it."""

    index: int
    attempt: int


class JournalPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Entries in order. `more_behind` is the last of them where the journal may go on."""

    entries: tuple[JournalEntry, ...] = ()
    more_behind: JournalPosition | None = None


class ClaimGranted(msgspec.Struct, frozen=True):
    """The run is this worker's: `attempt` fences every write that follows. `lease_ms` is how long without a renewal."""

    run: RunSpec
    attempt: int
    lease_ms: int
    remaining_ms: int
    """What is left of the run's time limit."""
    journal: tuple[JournalEntry, ...] = ()
    """Its first page."""
    state: Payload | None = None
    """Where the engine stood when the run was stored, for one that began attached; the journal follows it."""
    answers: dict[str, msgspec.Raw] = {}
    """JSON objects that end pauses, by context id. One that an earlier attempt took is not taken again."""
    more_behind: JournalPosition | None = None
    """See JournalPage."""
    ticket: str = ""
    """The ticket of this attempt, which the worker presents to read what belongs to the run."""


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

    `pauses` is what a paused run waits for, `files` the ids of those that its blocks may still read.
    """

    attempt: int
    outcome: RunOutcome
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    pauses: tuple[PausePoint, ...] = ()
    files: tuple[str, ...] = ()


class ReleaseRun(msgspec.Struct, frozen=True):
    """A draining worker hands the run back; costs no attempt."""

    attempt: int
