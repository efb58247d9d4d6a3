"""jobs-service: runs, their payloads and their events."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from gateway.eraser import Deleter
from shared.contracts.cancels import CancelAnswer, CancelledRuns, RunFilter
from shared.contracts.event_log import EventLogPage, EventPosition
from shared.contracts.jobs import AcceptRun, QueueStanding, RunAccepted, RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.pauses import ResumeAnswer, ResumeRun
from shared.contracts.payloads import Payload
from shared.contracts.tallies import RunTally
from shared.contracts.usage import Spend

EVERY_RUN: Final = RunFilter()


class Jobs(Protocol):
    """jobs-service, as far as runs go. Every method raises Unavailable."""

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """Store a run for certain. Raises AtCapacity, RunIdTaken."""
        ...

    async def job(self, job_id: str) -> RunView:
        """A queued run by its job id. Raises NotFound."""
        ...

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        """Any run, with its output and blocks where asked for. Raises NotFound."""
        ...

    async def runs(
        self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        """The runs of a workflow, newest first. Raises InvalidRequest for a cursor that is none."""
        ...

    async def logs(self, query: FindLogs) -> RunPage:
        """The runs of a workspace that a query finds. Raises InvalidRequest for a cursor that is none."""
        ...

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        """Cancel a run. Raises NotFound, Conflict."""
        ...

    async def queue(self, workspace_id: str) -> QueueStanding:
        """How the workspace's queue stands."""
        ...

    async def spend(self, workspace_id: str) -> Spend:
        """What the workspace spent on models this month."""
        ...

    async def tallies(self, workspace_id: str, workflow_ids: Sequence[str]) -> Mapping[str, RunTally]:
        """How often these workflows have run, by their ids; nothing of one that never ran."""
        ...

    async def cancel_all(self, workspace_id: str, workflow_id: str, only: RunFilter) -> CancelledRuns:
        """Cancel the runs of a workflow that are not over."""
        ...

    async def resume(self, run_id: str, asked: ResumeRun) -> ResumeAnswer:
        """End a pause. Raises NotFound, Conflict, PayloadTooLarge."""
        ...

    async def claim_run_id(self, workspace_id: str, workflow_id: str, run_id: str) -> None:
        """Take a caller-chosen run id for a run of this workflow, for ever. Raises RunIdTaken."""
        ...

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        """Give an id back whose run never began."""
        ...


class Payloads(Protocol):
    """JSON of any size."""

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """Raises Unavailable when it is large and cannot be stored."""
        ...

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """Raises NotFound, Unavailable."""
        ...


class EventLog(Protocol):
    """Events of durable runs that were kept."""

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        """What is kept behind a position, and how the run stands. Raises NotFound, Unavailable."""
        ...


class JobsClient(Jobs, Payloads, EventLog, Deleter, Protocol):
    """All that jobs-service does for the gateway."""
