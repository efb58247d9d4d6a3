"""What the executor needs from other services."""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Protocol

from shared.contracts.deployments import CallableEndpoint, Environment
from shared.contracts.events import RunEvent
from shared.contracts.files import FileKey
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.outcomes import RunOutcome
from shared.contracts.pauses import PauseRun
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunSpec, SnapshotRef
from shared.contracts.work import (
    AppendJournal,
    ClaimAnswer,
    ClaimRun,
    FinishRun,
    JournalPage,
    JournalPosition,
    LeaseAnswer,
)


class Snapshots(Protocol):
    """Where deployed workflow states are kept."""

    async def snapshot(self, snapshot: SnapshotRef) -> bytes:
        """The immutable state as JSON. Raises NotFound, Unavailable."""
        ...


class Endpoints(Protocol):
    """Where it is known which version of a workflow is live."""

    async def endpoint(self, workspace_id: str, workflow_id: str, snapshot_hash: str | None = None) -> CallableEndpoint:
        """Return the workflow as callers meet it now, with a ticket for its live version or the one that is named.

        Raises NotFound, Unavailable.
        """
        ...


class Environments(Protocol):
    """Where `{{NAME}}` values are kept."""

    async def environment(
        self, workspace_id: str, user_id: str | None, names: Collection[str] | None = None
    ) -> Environment:
        """The values of a workspace, and of the user where the workspace has none, in clear. Raises Unavailable.

        Those of `names`, maybe others beside them; or all.
        """
        ...


class Payloads(Protocol):
    """Where values go that are too large for a message."""

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """Keep a JSON document, inline when it is small. Raises Unavailable."""
        ...

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """The JSON of a payload. Raises NotFound, Unavailable."""
        ...


class Told(Enum):
    """Whether the caller's process has heard all that there was to tell."""

    ALL = "all"
    NOBODY = "nobody"
    """It is gone."""
    UNKNOWN = "unknown"
    """It may wait for the end, and could not be reached."""


class CallerLine(Protocol):
    """The line to whoever waits for one attached run: its events, in order and without a gap."""

    async def emit(self, event: RunEvent) -> None:
        """Take one event; returns when there is room for the next. Dropped where the caller cannot be reached."""
        ...

    async def heard(self) -> None:
        """Return once the caller's process knows that the run has begun. Raises Unavailable when it cannot know."""
        ...

    async def close(self) -> Told:
        """Wait for what is on its way; whether the caller's process has all of it."""
        ...


class LineOf(Protocol):
    """Opens lines to callers."""

    def __call__(
        self, reply_to: str, run_id: str, on_broken: Callable[[], None] = ..., *, attempt: int = ...
    ) -> CallerLine:
        """The line to `reply_to`; `on_broken` is called once when nobody can be reached there any more."""
        ...


class RunEvents(Protocol):
    """Where the events of one attempt at a durable run go. Never fails, and never holds the run up for long."""

    async def begin(self, listener: str | None) -> None:
        """The attempt begins; `listener` is the reply address of whoever follows from the start."""
        ...

    async def emit(self, event: RunEvent) -> None:
        """Take one event."""
        ...

    def follow(self, address: str) -> None:
        """From now on somebody else follows too."""
        ...

    async def close(self, outcome: RunOutcome | None = None) -> None:
        """Nothing follows; with an outcome, because the run is over or paused."""
        ...


EventsOf = Callable[[RunSpec, int], RunEvents]
"""Of a run and an attempt at it."""


class DurableRuns(Protocol):
    """Where durable runs are kept; every write names its attempt, and an older attempt's is refused."""

    async def claim(self, run_id: str, claim: ClaimRun) -> ClaimAnswer:
        """Ask for a dispatched run. Raises Unavailable."""
        ...

    async def renew(self, run_id: str, attempt: int) -> LeaseAnswer:
        """Keep the lease. Raises StaleAttempt, Unavailable."""
        ...

    async def read_journal(self, run_id: str, attempt: int, behind: JournalPosition) -> JournalPage:
        """What happened in earlier attempts, a page at a time. Raises StaleAttempt, Unavailable."""
        ...

    async def append_journal(self, run_id: str, entries: AppendJournal) -> None:
        """Store what happened. Raises StaleAttempt, Unavailable."""
        ...

    async def finish(self, run_id: str, result: FinishRun) -> None:
        """Store how the attempt ended. Raises StaleAttempt, Unavailable."""
        ...

    async def pause(self, run_id: str, report: PauseRun) -> None:
        """Store an attached run that has paused. Raises Conflict when it is to be cancelled, Unavailable."""
        ...

    async def release(self, run_id: str, attempt: int) -> None:
        """Hand the run back unfinished. Raises StaleAttempt, Unavailable."""
        ...


class Records(Protocol):
    """Takes what attached runs leave behind."""

    def put(self, record: RunBegan | RunRecorded) -> None:
        """Take one record without waiting; it is dropped, and counted, when there is no room."""
        ...


class FileStore(Protocol):
    """Where the files of runs are kept, per workspace, for a while."""

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        """Keep a file. Raises PayloadTooLarge, Unavailable."""
        ...

    async def get(self, key: FileKey, *, max_bytes: int | None = None) -> bytes:
        """Return the content, of at most `max_bytes` bytes.

        Raises NotFound (also for a file that the run may not read), PayloadTooLarge, Unavailable.
        """
        ...
