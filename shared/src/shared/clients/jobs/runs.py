"""Runs, as the gateway accepts, lists, cancels and resumes them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.batching import Batcher
from shared.clients.jobs.payloads import PayloadStore
from shared.clients.jobs.run_keys import by_public_id, with_internal_key
from shared.contracts.erasure import Erase, Erased
from shared.contracts.errors import ErrorBody
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.jobs import (
    EVERY_RUN,
    AcceptAnswer,
    AcceptAnswers,
    AcceptRun,
    AcceptRuns,
    CancelAnswer,
    CancelledRuns,
    CancelRuns,
    QueueStatus,
    RecordCancel,
    ResumeAnswer,
    ResumeRun,
    RunAccepted,
    RunFilter,
    RunPage,
    RunView,
)
from shared.contracts.logs import FindLogs
from shared.contracts.runs import Spend
from shared.contracts.statistics import FindRunSeries, FindRunStatistics, RunSeries, RunStatistics, RunStatisticsList
from shared.errors import FlowportError, OutcomeUncertain, Unavailable
from shared.ids import public_run_id, run_key
from shared.tracebacks import without_traceback
from shared.web.client import InternalClient
from shared.web.paths import path_of

MAX_TOGETHER: Final = 64
MAX_BYTES: Final = 256 * 1024
"""Input bytes per batch; with one more input, a call stays far below the limit of jobs-service."""
MAX_WAITING: Final = 10_000

Answer = RunAccepted | FlowportError


class AcceptBatcher:
    """Batcher: one call for many runs costs both services half as much. A single run does not wait for others."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        self._calls = Batcher[AcceptRun, Answer](
            self._accept_all,
            max_items=MAX_TOGETHER,
            max_waiting=MAX_WAITING,
            max_weight=MAX_BYTES,
            weigh=lambda request: len(bytes(request.run.input.inline)),
            is_change=True,
        )

    async def start(self) -> None:
        await self._calls.start()

    async def stop(self) -> None:
        """Stop once all waiting runs are sent."""
        await self._calls.stop()

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """Store a run. Raises AtCapacity, RunIdTaken, Unavailable (OutcomeUncertain: it may have been stored)."""
        try:
            async with asyncio.timeout(self._client.longest_seconds):
                answer = await self._calls.submit(request)
        except TimeoutError as error:  # earlier runs are waited for, too
            raise OutcomeUncertain from error
        if isinstance(answer, FlowportError):
            raise without_traceback(answer)  # the original would keep this frame and the input alive until a collection
        return answer

    async def _accept_all(self, requests: Sequence[AcceptRun]) -> Sequence[Answer]:
        if len(requests) == 1:
            return [await self._client.call("POST", path_of("runs"), body=requests[0], returns=RunAccepted)]
        request = AcceptRuns(tuple(requests))
        answers = await self._client.call("POST", path_of("runs", "batch"), body=request, returns=AcceptAnswers)
        if len(answers.answers) != len(requests):
            raise Unavailable("jobs-service answered for fewer runs than it received")
        return [_answer_of(answer) for answer in answers.answers]


def _answer_of(answer: AcceptAnswer) -> Answer:
    match answer:
        case AcceptAnswer(accepted=RunAccepted() as accepted):
            return accepted
        case AcceptAnswer(refused=ErrorBody() as refused):
            return refused.error()
        case _:
            return Unavailable("jobs-service returned neither a run nor an error")


class HttpJobsClient:
    """Implements JobsClient."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        self._intake = AcceptBatcher(client)
        self.start = self._intake.start
        self.stop = self._intake.stop
        payloads = PayloadStore(client)
        self.put = payloads.put
        self.get = payloads.get

    async def erase(self, request: Erase) -> Erased:
        return await self._client.call("POST", path_of("erasures"), body=request, returns=Erased)

    async def accept(self, request: AcceptRun) -> RunAccepted:
        keyed = msgspec.structs.replace(request, run=with_internal_key(request.run))
        return by_public_id(await self._intake.accept(keyed))

    async def job(self, job_id: str) -> RunView:
        return by_public_id(await self._client.call("GET", path_of("jobs", job_id), returns=RunView))

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        key = run_key(workspace_id, run_id)
        path = path_of("runs", key, workspace_id=workspace_id, output=output, blocks=blocks)
        return by_public_id(await self._client.call("GET", path, returns=RunView))

    async def runs(
        self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        path = path_of(
            "runs",
            workspace_id=workspace_id,
            workflow_id=workflow_id,
            limit=limit,
            cursor=cursor,
            status=only.status,
            since=only.since.isoformat() if only.since else None,
            until=only.until.isoformat() if only.until else None,
        )
        page = await self._client.call("GET", path, returns=RunPage)
        return RunPage(tuple(map(by_public_id, page.runs)), page.next_cursor)

    async def logs(self, query: FindLogs) -> RunPage:
        page = await self._client.call("POST", path_of("logs", "search"), body=query, returns=RunPage)
        return RunPage(tuple(map(by_public_id, page.runs)), page.next_cursor)

    async def statistics(self, query: FindRunSeries) -> RunSeries:
        found = await self._client.call("POST", path_of("statistics", "search"), body=query, returns=RunSeries)
        workflows = (
            msgspec.structs.replace(each, last_run=each.last_run and by_public_id(each.last_run))
            for each in found.workflows
        )
        return msgspec.structs.replace(found, workflows=tuple(workflows))

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        path = path_of("runs", run_key(workspace_id, run_id), "cancel")
        body = RecordCancel(workspace_id, workflow_id)
        return by_public_id(await self._client.call("POST", path, body=body, returns=CancelAnswer))

    async def cancel_all(self, workspace_id: str, workflow_id: str, only: RunFilter) -> CancelledRuns:
        body = CancelRuns(workspace_id, workflow_id, only)
        done = await self._client.call("POST", path_of("runs", "cancel"), body=body, returns=CancelledRuns)
        return CancelledRuns(tuple(map(public_run_id, done.run_ids)), done.has_more)

    async def resume(self, run_id: str, request: ResumeRun) -> ResumeAnswer:
        path = path_of("runs", run_key(request.workspace_id, run_id), "resume")
        return await self._client.call("POST", path, body=request, returns=ResumeAnswer)

    async def claim_run_id(self, workspace_id: str, workflow_id: str, run_id: str) -> None:
        key = run_key(workspace_id, run_id)
        path = path_of("run-ids", key, workspace_id=workspace_id, workflow_id=workflow_id)
        await self._client.call("POST", path)

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        path = path_of("run-ids", run_key(workspace_id, run_id), workspace_id=workspace_id)
        await self._client.call("DELETE", path)

    async def queue(self, workspace_id: str) -> QueueStatus:
        return await self._client.call("GET", path_of("queues", workspace_id), returns=QueueStatus)

    async def spend(self, workspace_id: str) -> Spend:
        return await self._client.call("GET", path_of("spend", workspace_id), returns=Spend)

    async def run_statistics(self, workspace_id: str, workflow_ids: Sequence[str]) -> Mapping[str, RunStatistics]:
        request = FindRunStatistics(workspace_id, tuple(workflow_ids))
        found = await self._client.call("POST", path_of("tallies", "search"), body=request, returns=RunStatisticsList)
        return {each.workflow_id: each for each in found.tallies}

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        key = run_key(workspace_id, run_id)
        attempt, number = after
        path = path_of("runs", key, "events", workspace_id=workspace_id, attempt=attempt, number=number)
        return await self._client.call("GET", path, returns=EventLogPage)
