"""jobs-service, in memory."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from tests.support.gateway.clock import NOON
from tests.support.gateway.erasures import FakeEraser

from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.jobs import (
    EVERY_RUN,
    AcceptRun,
    CancelAnswer,
    CancelledRuns,
    CancelReason,
    QueueStatus,
    ResumeAnswer,
    ResumeRun,
    RunAccepted,
    RunFilter,
    RunPage,
    RunView,
)
from shared.contracts.logs import FindLogs
from shared.contracts.messages import EventBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, RunStatus, Spend, Trigger, Usage
from shared.contracts.statistics import FindRunSeries, RunSeries, RunStatistics, RunTotals
from shared.errors import Conflict, InvalidRequest, NotFound, PayloadTooLarge, RunIdTaken

JOB = "run_0123456789abcdef0123"


def last_of(batch: EventBatch) -> EventPosition:
    """Return the position of a batch's last event."""
    return EventPosition(batch.attempt, batch.first + len(batch.events) - 1)


async def nothing(_: str) -> None:
    """Do nothing between two polls."""


class FakeJobs(FakeEraser):
    """Implements JobsClient."""

    def __init__(self) -> None:
        FakeEraser.__init__(self)
        self.accepted: list[AcceptRun] = []
        self.views: dict[str, RunView] = {}
        self.cancels: list[str] = []
        self.remembered: set[str] = set()
        """Cancels of unknown runs: each applies to the next run of that id."""
        self.claimed: set[tuple[str, str]] = set()
        self.blobs: dict[str, bytes] = {}
        self.refusal: Exception | None = None
        self.inline_limit = 1024 * 1024
        self.spent: dict[str, float] = {}
        self.tallied: dict[str, RunStatistics] = {}
        self.searches: list[FindLogs] = []
        self.series = RunSeries(interval_ms=60_000, buckets=(), totals=RunTotals())
        self.series_queries: list[FindRunSeries] = []
        self.filters: list[RunFilter] = []
        self.resumed: dict[str, Any] = {}
        self.kept: dict[str, list[EventBatch]] = {}
        self.shows_accepted = False
        self.lost_answer: Exception | None = None
        """Error raised by the next `accept`; the run is stored all the same."""
        self.while_cancelling: Callable[[str], Awaitable[None]] = nothing

    async def spend(self, workspace_id: str) -> Spend:
        if self.refusal is not None:
            raise self.refusal
        return Spend(workspace_id, "2026-11", Usage(cost_usd=self.spent.get(workspace_id, 0.0)))

    async def run_statistics(self, workspace_id: str, workflow_ids: Sequence[str]) -> Mapping[str, RunStatistics]:
        if self.refusal is not None:
            raise self.refusal
        found = [self.tallied[each] for each in workflow_ids if each in self.tallied]
        return {found.workflow_id: found for found in found if found.workspace_id == workspace_id}

    async def queue(self, workspace_id: str) -> QueueStatus:
        return QueueStatus(len(self.accepted), 1000, None)

    async def accept(self, request: AcceptRun) -> RunAccepted:
        if self.refusal is not None:
            raise self.refusal
        snapshot = request.run.snapshot
        await self.claim_run_id(snapshot.workspace_id, snapshot.workflow_id, request.run.run_id)
        self.accepted.append(request)
        if self.shows_accepted:
            is_cancelled = request.run.run_id in self.remembered
            status = RunStatus.CANCELLED if is_cancelled else RunStatus.QUEUED
            self.views[request.run.run_id] = msgspec.structs.replace(_queued(request.run), status=status)
        if self.lost_answer is not None:
            lost, self.lost_answer = self.lost_answer, None
            raise lost
        return RunAccepted(request.run.run_id, JOB, NOON)

    async def job(self, job_id: str) -> RunView:
        for view in self.views.values():
            if view.job_id == job_id:
                return view
        raise NotFound("no such job")

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        view = self.views.get(run_id)
        if view is None or view.workspace_id != workspace_id:
            raise NotFound("no such run")
        hidden = {} if blocks else {"blocks": ()}
        return (
            msgspec.structs.replace(view, **hidden) if output else msgspec.structs.replace(view, output=None, **hidden)
        )

    async def runs(
        self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        self.filters.append(only)
        found = [
            run
            for run in self.views.values()
            if (run.workspace_id, run.workflow_id) == (workspace_id, workflow_id) and only.status in (None, run.status)
        ]
        start = int(cursor or 0)
        more = len(found) > start + limit
        return RunPage(tuple(found[start : start + limit]), str(start + limit) if more else None)

    async def logs(self, query: FindLogs) -> RunPage:
        self.searches.append(query)
        if query.cursor == "none of ours":
            raise InvalidRequest("the cursor is invalid")
        found = tuple(run for run in self.views.values() if run.workspace_id == query.workspace_id)
        return RunPage(found[: query.limit], "more" if len(found) > query.limit else None)

    async def statistics(self, query: FindRunSeries) -> RunSeries:
        self.series_queries.append(query)
        return self.series

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        self.cancels.append(run_id)
        await self.while_cancelling(run_id)
        view = self.views.get(run_id)
        if view is None:
            self.remembered.add(run_id)
            return CancelAnswer(run_id, CancelReason.RECORDED)
        if (view.workspace_id, view.workflow_id) != (workspace_id, workflow_id):
            raise NotFound("no such run")
        if view.status in (RunStatus.COMPLETED, RunStatus.FAILED):
            raise Conflict(f"Execution cannot be cancelled while {view.status}")
        if view.status is RunStatus.CANCELLED:
            return CancelAnswer(run_id, CancelReason.ALREADY_CANCELLED)
        self.views[run_id] = msgspec.structs.replace(view, status=RunStatus.CANCELLED)
        is_queued = view.status is RunStatus.QUEUED
        return CancelAnswer(run_id, CancelReason.QUEUE_CANCELLED if is_queued else CancelReason.RECORDED)

    async def cancel_all(self, workspace_id: str, workflow_id: str, only: RunFilter) -> CancelledRuns:
        self.filters.append(only)
        return CancelledRuns(("E1", "E2"), has_more=True)

    async def resume(self, run_id: str, request: ResumeRun) -> ResumeAnswer:
        if len(bytes(request.answer)) > 256 * 1024:
            raise PayloadTooLarge("An answer may have at most 262144 bytes")
        if request.context_id in self.resumed:
            raise Conflict("Pause context has already been resumed")
        self.resumed[request.context_id] = msgspec.json.decode(request.answer)
        return ResumeAnswer(run_id, is_next=len(self.resumed) == 1)

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        view = await self.run(workspace_id, run_id)
        kept = self.kept.get(run_id, [])
        return EventLogPage(view.status, tuple(batch for batch in kept if last_of(batch) > after))

    async def claim_run_id(self, workspace_id: str, workflow_id: str, run_id: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        if (workspace_id, run_id) in self.claimed:
            raise RunIdTaken("taken")
        self.claimed.add((workspace_id, run_id))

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        self.claimed.discard((workspace_id, run_id))

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        if len(document) <= self.inline_limit:
            return Payload(inline=msgspec.Raw(document), size=len(document))
        self.blobs["blob1"] = document
        return Payload(blob_id="blob1", size=len(document))

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        if payload.blob_id is None:
            return bytes(payload.inline)
        if payload.blob_id not in self.blobs:
            raise NotFound("no such blob")
        return self.blobs[payload.blob_id]


def a_view(status: RunStatus, **fields: Any) -> RunView:
    """Return the run `E1` of workflow `W`, created at noon."""
    known: dict[str, Any] = {
        "run_id": "E1",
        "job_id": JOB,
        "workspace_id": "WS1",
        "workflow_id": "W",
        "status": status,
        "mode": RunMode.ASYNC,
        "trigger": Trigger.API,
        "created_at": NOON,
    }
    return RunView(**known | fields)


def _queued(run: RunSpec) -> RunView:
    return a_view(
        RunStatus.QUEUED,
        run_id=run.run_id,
        workflow_id=run.snapshot.workflow_id,
        mode=run.mode,
        trigger=run.trigger,
        conversation_id=run.conversation_id,
    )
