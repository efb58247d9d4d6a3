"""Fakes around a worker, in memory: callers, other services, and blocks that run a test's script."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from tests.support.eventually import PATIENCE_MS

from executor_service.application.file_contents import FileContents
from executor_service.application.file_uploads import FileUploads
from executor_service.application.launcher import Launcher
from executor_service.application.workflow_cache import WorkflowCache
from executor_service.engine import (
    BlockFailure,
    BlockHandler,
    BlockResult,
    Call,
    Engine,
    Inputs,
    Limits,
    Output,
    Pause,
    PauseRequest,
)
from shared.broker.ports import BrokerUnavailable, ReplyOverflow, ReplyUnroutable
from shared.clock import SystemClock
from shared.contracts.claims import (
    AppendJournal,
    ClaimAnswer,
    ClaimGranted,
    ClaimRun,
    FinishRun,
    JournalPage,
    JournalPosition,
    LeaseAnswer,
)
from shared.contracts.deployments import Environment
from shared.contracts.events import RunEnded, RunEvent
from shared.contracts.files import FileKey
from shared.contracts.jobs import PauseRun
from shared.contracts.messages import EventBatch, RunBegan, RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.recordings import Recording
from shared.contracts.runs import RunMode, RunOutcome, RunSpec, SnapshotRef
from shared.errors import Conflict, NotFound, PayloadTooLarge, StaleAttempt, Unauthenticated, Unavailable
from shared.net import OutboundClient
from shared.workflow.format.js_values import JsonObject

OUTSIDE_EFFECT = "return fetch('https://example.com')"


def workflow(code: str = OUTSIDE_EFFECT, *, retry: Any = None, start: Any = None) -> dict[str, Any]:
    """Return a start and one block with an outside effect, which the test's handler runs."""
    blocks: dict[str, dict[str, Any]] = {
        "start": {"id": "start", "type": "start_trigger", "name": "Start", "subBlocks": {}},
        "work": {
            "id": "work",
            "type": "function",
            "name": "Work",
            "subBlocks": {"code": {"id": "code", "value": code}},
            "retry": retry,
        },
    }
    if start is not None:
        blocks["start"] = start
    for block in blocks.values():
        block |= {"enabled": True, "position": {"x": 0, "y": 0}}
    edges = [{"id": "e", "source": "start", "target": "work", "sourceHandle": "source"}]
    return {"blocks": blocks, "edges": edges, "loops": {}, "parallels": {}, "variables": {}}


def spec(
    run_id: str = "r1", *, mode: RunMode = RunMode.SYNC, body: Any = None, time_limit_ms: int = PATIENCE_MS
) -> RunSpec:
    """Return a run of that workflow."""
    return RunSpec(
        run_id=run_id,
        snapshot=SnapshotRef("w1", "f1", "hash"),
        mode=mode,
        input=Payload(inline=msgspec.Raw(json.dumps(body or {}).encode())),
        time_limit_ms=time_limit_ms,
    )


class Start(BlockHandler):
    """Return the block's input."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        return BlockResult(dict(call.start_output))


class Asks(BlockHandler):
    """Pause for a person."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        return BlockResult({"answer": None}, pause=PauseRequest("human", {"data": "?"}))

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        return {"answer": answer}


class Work(BlockHandler):
    """Signal the start, and wait until the test continues."""

    def __init__(self, code: str = OUTSIDE_EFFECT) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.times = 0
        self.remaining_seconds = 0.0
        """Of the run's time, when the last block began, and a block's overtime."""
        self.problem: str | None = None
        """Reason of the failure."""
        self._code = code

    def prepare(self, call: Call) -> Inputs:
        return Inputs({"code": self._code})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        self.times += 1
        self.remaining_seconds = call.remaining_seconds()
        self.begun.set()
        await self.go_on.wait()
        if self.problem is not None:
            raise BlockFailure(self.problem)
        return BlockResult({"result": "done"})


class Services:
    """deploy-service and the payload store; `unreachable` makes them unavailable."""

    unreachable = False
    loads = 0
    loading_seconds = 0.0
    """How long the loading of a snapshot takes."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document = document or workflow()
        self.environments: list[tuple[str, str | None, Collection[str] | None]] = []
        """Requests for environment values: of whom, and which."""
        self.recordings: dict[str, Recording] = {}
        self.calls_left = 0
        """Model calls that the budget of every replay set covers."""
        self.charges: list[tuple[str, float]] = []

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> Recording:
        if run_id not in self.recordings:
            raise NotFound("Recording not found")
        return self.recordings[run_id]

    async def reserve_call(self, snapshot: SnapshotRef, set_id: str) -> bool:
        self.calls_left -= 1
        return self.calls_left >= 0

    async def charge_call(self, snapshot: SnapshotRef, set_id: str, usd: float) -> None:
        self.charges.append((set_id, usd))

    async def snapshot(self, snapshot: SnapshotRef) -> bytes:
        self._check()
        self.loads += 1
        await asyncio.sleep(self.loading_seconds)
        if snapshot.snapshot_hash == "missing":
            raise NotFound("no such snapshot")
        return json.dumps(self._document).encode()

    async def environment(
        self, workspace_id: str, user_id: str | None, names: Collection[str] | None = None
    ) -> Environment:
        self.environments.append((workspace_id, user_id, names))
        return Environment({})

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        self._check()
        return Payload(inline=msgspec.Raw(document), size=len(document))

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        return bytes(payload.inline)

    @asynccontextmanager
    async def unavailable_for(self, seconds: float) -> AsyncIterator[None]:
        """Delay of every answer."""
        self.unreachable = True
        back = asyncio.get_running_loop().call_later(seconds, setattr, self, "unreachable", False)
        yield
        back.cancel()

    def _check(self) -> None:
        if self.unreachable:
            raise Unavailable("deploy-service does not respond")


class Files:
    """Stores files in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.reads: list[str] = []

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        self.kept[workspace_id, file_id] = content

    async def get(self, key: FileKey, *, max_bytes: int | None = None) -> bytes:
        self.reads.append(key.file_id)
        content = self.kept.get((key.workspace_id, key.file_id))
        if content is None:
            raise NotFound("no such file")
        if max_bytes is not None and len(content) > max_bytes:
            raise PayloadTooLarge("too large")
        return content


class Callers:
    """The reply stream and its readers."""

    def __init__(self) -> None:
        self.batches: list[EventBatch] = []
        self.is_disconnected = False
        self.broker_lost = False
        self.full = False
        self.waiting = 0
        self.window = asyncio.Event()
        self.window.set()

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        self.waiting += 1
        await self.window.wait()
        self.waiting -= 1
        if self.broker_lost:
            raise BrokerUnavailable("the broker is lost")
        if self.full:
            raise ReplyOverflow("the reply queue is full: its reader is too slow")
        if self.is_disconnected and must_route:
            raise ReplyUnroutable
        if not self.is_disconnected:
            self.batches.append(batch)

    async def open_inbox(self, on_batch: object, on_lost: object) -> Any:
        raise NotImplementedError("workers send only")

    @property
    def events(self) -> list[RunEvent]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def ends(self) -> dict[str, RunOutcome]:
        """Cancels by run."""
        ended = [(batch.run_id, event) for batch in self.batches for event in batch.events]
        return {run_id: event.outcome for run_id, event in ended if isinstance(event, RunEnded)}

    @property
    def outcome(self) -> RunOutcome:
        (ended,) = [event for event in self.events if isinstance(event, RunEnded)]
        return ended.outcome


class Ledger:
    """Stores the records of attached runs."""

    def __init__(self) -> None:
        self.records: list[RunBegan | RunRecorded] = []
        self.log_bytes = 0

    def put(self, record: RunBegan | RunRecorded, *, log_bytes: int = 0) -> None:
        self.records.append(record)
        self.log_bytes += log_bytes


class JobsService:
    """jobs-service for one run: grants claims, fences attempts, stores journal and result."""

    def __init__(self, run: RunSpec) -> None:
        self.run = run
        self.attempt = 0
        self.journal: list[Any] = []
        self.finished: FinishRun | None = None
        self.released = 0
        self.paused: PauseRun | None = None
        self.state: Payload | None = None
        self.answers: dict[str, msgspec.Raw] = {}
        self.cancelled = False
        self.refuse_claim = False
        self.claims: list[ClaimRun] = []
        self.lease_ms = 60
        self.remaining_ms = run.time_limit_ms
        self.hanging_renewals = 0
        self.refused_renewals = 0
        self.renewals = 0
        self.failures_left = 0
        self.appending = 0
        self.page_entries: int | None = None
        """Number of journal entries per page; all of them by default."""
        self.reading = 0
        self.reading_fails = False
        self.append_sizes: list[int] = []
        """Bytes of entries in each call."""
        self.line = asyncio.Event()
        self.line.set()

    async def claim(self, run_id: str, claim: ClaimRun) -> ClaimAnswer:
        self.claims.append(claim)
        self._fail_if_told()
        if self.refuse_claim:
            return ClaimAnswer()
        self.attempt += 1
        page = self._page(0, self.page_entries if claim.pages else None)
        return ClaimAnswer(
            ClaimGranted(
                self.run,
                self.attempt,
                self.lease_ms,
                self.remaining_ms,
                page.entries,
                state=self.state,
                answers=self.answers,
                more_behind=page.more_behind,
            )
        )

    async def read_journal(self, run_id: str, attempt: int, behind: JournalPosition) -> JournalPage:
        self.reading += 1
        await self.line.wait()
        self._fence(attempt)
        if self.reading_fails:
            raise Unavailable("jobs-service does not respond")
        return self._page(behind.index + 1, self.page_entries)

    async def renew(self, run_id: str, attempt: int) -> LeaseAnswer:
        if self.hanging_renewals:
            self.hanging_renewals -= 1
            await asyncio.sleep(3600)
        if self.refused_renewals:
            self.refused_renewals -= 1
            raise Unauthenticated("a token of before")
        self._fence(attempt)
        self.renewals += 1
        return LeaseAnswer(self.cancelled)

    async def append_journal(self, run_id: str, entries: AppendJournal) -> None:
        self.appending += 1
        self.append_sizes.append(sum(len(bytes(entry.data)) for entry in entries.entries))
        await self.line.wait()
        self._fence(entries.attempt)
        self.journal.extend(entries.entries)

    async def finish(self, run_id: str, result: FinishRun) -> None:
        self._fail_if_told()
        self._fence(result.attempt)
        self.finished = result

    async def pause(self, run_id: str, report: PauseRun) -> None:
        self._fail_if_told()
        if self.cancelled:
            raise Conflict("the run is to be cancelled")
        self.paused = report

    async def release(self, run_id: str, attempt: int) -> None:
        self._fence(attempt)
        self.released += 1

    def _page(self, first: int, count: int | None) -> JournalPage:
        entries = tuple(self.journal[first:])[:count]
        is_last = first + len(entries) == len(self.journal)
        return JournalPage(entries, None if is_last else JournalPosition(entries[-1].index, 1))

    def _fence(self, attempt: int) -> None:
        if attempt != self.attempt:
            raise StaleAttempt("another worker holds the run")

    def _fail_if_told(self) -> None:
        if self.failures_left:
            self.failures_left -= 1
            raise Unavailable("jobs-service does not respond")


class NoExpressions:
    """Evaluator for workflows without loops."""

    async def holds(self, *_: object) -> bool:
        return False


def launcher(services: Services, work: Iterable[tuple[str, BlockHandler]], *, files: Files | None = None) -> Launcher:
    """Return a launcher whose blocks are the test's."""
    engine = Engine({"start_trigger": Start(), **dict(work)}, NoExpressions(), SystemClock(), Limits())
    cache = WorkflowCache(services, entries=8)
    files = files or Files()
    return Launcher(
        engine,
        cache,
        services,
        services,
        file_uploads=FileUploads(files, OutboundClient(["localhost"]), public_url="http://localhost"),
        file_contents=FileContents(files),
        keyed_providers=frozenset(),
        public_url="http://localhost",
        recordings=services,
        budgets=services,
    )
