"""Ports to other services."""

from collections.abc import Callable, Collection
from enum import Enum
from typing import Protocol

from executor_service.engine.recorder import RunRecording
from shared.contracts.claims import (
    AppendJournal,
    ClaimAnswer,
    ClaimRun,
    FinishRun,
    JournalPage,
    JournalPosition,
    LeaseAnswer,
)
from shared.contracts.deployments import Environment
from shared.contracts.events import RunEvent
from shared.contracts.files import FileKey
from shared.contracts.jobs import PauseRun
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.recordings import Recording
from shared.contracts.runs import RunOutcome, RunSpec, SnapshotRef


class Snapshots(Protocol):
    """Storage of deployed workflow states."""

    async def snapshot(self, snapshot: SnapshotRef) -> bytes:
        """Return the immutable state as JSON. Raises NotFound, Unavailable."""


class Environments(Protocol):
    """Storage of `{{NAME}}` values."""

    async def environment(
        self, workspace_id: str, user_id: str | None, names: Collection[str] | None = None
    ) -> Environment:
        """Return the decrypted values of a workspace, and the user's where the workspace has none. Raises Unavailable.

        Those of `names`, perhaps with others; or all.
        """


class Payloads(Protocol):
    """Storage of values too large for a message."""

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """Store a JSON document, inline if small. Raises Unavailable."""

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """Return the JSON of a payload. Raises NotFound, Unavailable."""


class DeliveryStatus(Enum):
    """Whether the caller's process received all events."""

    DELIVERED = "all"
    DISCONNECTED = "nobody"
    """The caller has disconnected."""
    UNKNOWN = "unknown"
    """The caller may still wait but is unreachable."""


class ReplyChannel(Protocol):
    """Channel to the caller of an attached run: delivers events in order and without gaps."""

    async def emit(self, event: RunEvent) -> None:
        """Add an event; return when there is room for the next. Drop it if the caller is unreachable."""

    async def confirm_start(self) -> None:
        """Return once the caller's process knows that the run has started. Raises Unavailable if that is unknown."""

    async def close(self) -> DeliveryStatus:
        """Wait for outgoing events; return whether the caller's process received all."""


class ReplyChannelFactory(Protocol):
    """Opens channels to callers."""

    def __call__(
        self, reply_to: str, run_id: str, on_broken: Callable[[], None] = ..., *, attempt: int = ...
    ) -> ReplyChannel:
        """Return the channel to `reply_to`; `on_broken` is called once when the caller becomes unreachable."""


class RunEvents(Protocol):
    """Receiver of events of an attempt at a durable run. Never fails, and never delays the run for long."""

    async def begin(self, listener: str | None) -> None:
        """Start the attempt; `listener` is the reply address of its first follower."""

    async def emit(self, event: RunEvent) -> None:
        """Add an event."""

    def follow(self, address: str) -> None:
        """Add a follower."""

    async def close(self, outcome: RunOutcome | None = None) -> None:
        """Close the events; with an outcome if the run ended or paused."""


RunEventsFactory = Callable[[RunSpec, int], RunEvents]
"""Creates the events of a run and an attempt."""


class DurableRuns(Protocol):
    """Storage of durable runs; every write names its attempt, and those of older attempts are refused."""

    async def claim(self, run_id: str, claim: ClaimRun) -> ClaimAnswer:
        """Claim a dispatched run. Raises Unavailable."""

    async def renew(self, run_id: str, attempt: int) -> LeaseAnswer:
        """Renew the lease. Raises StaleAttempt, Unavailable."""

    async def read_journal(self, run_id: str, attempt: int, behind: JournalPosition) -> JournalPage:
        """Return a page of earlier attempts' journal. Raises StaleAttempt, Unavailable."""

    async def append_journal(self, run_id: str, entries: AppendJournal) -> None:
        """Store journal entries. Raises StaleAttempt, Unavailable."""

    async def finish(self, run_id: str, result: FinishRun) -> None:
        """Store the attempt's outcome. Raises StaleAttempt, Unavailable."""

    async def pause(self, run_id: str, report: PauseRun) -> None:
        """Store a paused attached run. Raises Conflict if it is being canceled, Unavailable."""

    async def release(self, run_id: str, attempt: int) -> None:
        """Release the unfinished run. Raises StaleAttempt, Unavailable."""


class Records(Protocol):
    """Receiver of attached runs' records."""

    def put(self, record: RunBegan | RunRecorded, *, log_bytes: int = 0) -> None:
        """Add a record, whose blocks have `log_bytes`, without waiting; drop and count it if there is no room."""


class ReplayBudgets(Protocol):
    """Budgets of replay sets for calling models."""

    async def reserve_call(self, snapshot: SnapshotRef, set_id: str) -> bool:
        """Reserve a call; return False if the budget is used up. Raises Unavailable."""

    async def charge_call(self, snapshot: SnapshotRef, set_id: str, usd: float) -> None:
        """Add the cost of a call. Raises Unavailable."""


class RecordingReader(Protocol):
    """Recordings of earlier runs."""

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> Recording:
        """Return the recording that the current run replays. Raises NotFound, Unavailable."""


class Recordings(Protocol):
    """Receiver of recordings of ended runs."""

    def put(self, recording: RunRecording) -> None:
        """Add a recording without waiting; drop and count it if there is no room."""


class FileStore(Protocol):
    """Storage of runs' files, per workspace, for a limited time."""

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        """Store a file. Raises PayloadTooLarge, Unavailable."""

    async def get(self, key: FileKey, *, max_bytes: int | None = None) -> bytes:
        """Return the content, of at most `max_bytes` bytes.

        Raises NotFound (also for a file that the run may not read), PayloadTooLarge, Unavailable.
        """
