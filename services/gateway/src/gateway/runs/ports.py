"""Ports of runs: jobs-service, attached and followed runs, and records of idempotency keys."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.workflows.ports import Deleter
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.events import RunEvent
from shared.contracts.jobs import (
    EVERY_RUN,
    AcceptRun,
    CancelAnswer,
    CancelledRuns,
    QueueStatus,
    ResumeAnswer,
    ResumeRun,
    RunAccepted,
    RunFilter,
    RunPage,
    RunView,
)
from shared.contracts.logs import FindLogs
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, Spend
from shared.contracts.statistics import FindRunSeries, RunSeries, RunStatistics
from shared.errors import FlowportError


class Jobs(Protocol):
    """Runs at jobs-service. Every method raises Unavailable."""

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """Store a run durably. Raises AtCapacity, RunIdTaken."""

    async def job(self, job_id: str) -> RunView:
        """Return a queued run by job id. Raises NotFound."""

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        """Return any run, with output and blocks if requested. Raises NotFound."""

    async def runs(
        self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        """Return a workflow's runs, newest first. Raises InvalidRequest for an invalid cursor."""

    async def logs(self, query: FindLogs) -> RunPage:
        """Return the workspace's runs that match a query. Raises InvalidRequest for an invalid cursor or text."""

    async def statistics(self, query: FindRunSeries) -> RunSeries:
        """Return statistics over time. Raises InvalidRequest for an invalid range or text."""

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        """Cancel a run. Raises NotFound, Conflict."""

    async def queue(self, workspace_id: str) -> QueueStatus:
        """Return the state of the workspace's queue."""

    async def spend(self, workspace_id: str) -> Spend:
        """Return the workspace's spend on models this month."""

    async def run_statistics(self, workspace_id: str, workflow_ids: Sequence[str]) -> Mapping[str, RunStatistics]:
        """Return run counts by workflow id, without workflows that never ran."""

    async def cancel_all(self, workspace_id: str, workflow_id: str, only: RunFilter) -> CancelledRuns:
        """Cancel the unfinished runs of a workflow."""

    async def resume(self, run_id: str, request: ResumeRun) -> ResumeAnswer:
        """End a pause. Raises NotFound, Conflict, PayloadTooLarge."""

    async def claim_run_id(self, workspace_id: str, workflow_id: str, run_id: str) -> None:
        """Reserve a caller-chosen run id permanently for a run of this workflow. Raises RunIdTaken."""

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        """Release an id whose run never began."""


class Payloads(Protocol):
    """JSON of any size."""

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """Store a payload. Raises Unavailable if it is large and cannot be stored."""

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """Raises NotFound, Unavailable."""


class EventLog(Protocol):
    """Stored events of durable runs."""

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        """Return stored events after a position, and the run's state. Raises NotFound, Unavailable."""


class JobsClient(Jobs, Payloads, EventLog, Deleter, Protocol):
    """All ports that jobs-service implements."""


class AttachedRun(Protocol):
    """Attached run."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[RunEvent]:
        """Wait for at least one event, and return those since the last call; the last ever is RunEnded.

        Raises RunLost, StreamBroken, ReaderTooSlow, NotStarted, RunOverdue.
        """

    async def outcome(self) -> RunOutcome:
        """Return the run's outcome. Raises what `take` raises."""

    def end_with(self, error: FlowportError) -> None:
        """Drop unread events, raise `error` to a caller that lost access, and cancel the run."""

    def disconnect(self) -> None:
        """Cancel the run if it is not over: the caller disconnected or has seen the end."""


Numbered = tuple[EventPosition, RunEvent]


class FollowedRun(Protocol):
    """A reader's view of a durable run."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[Numbered]:
        """Wait for at least one event, and return those since the last call; none once the run is over, or paused.

        Raises StreamBroken, CallerDisconnected, NotFound, Unavailable.
        """

    def end_with(self, error: FlowportError) -> None:
        """Make `take` raise `error` to a reader that lost access. The run continues."""

    def disconnect(self) -> None:
        """Stop reading: the reader disconnected or has seen the end. The run continues."""
