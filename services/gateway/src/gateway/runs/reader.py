"""Finished and unfinished runs, as jobs-service stores them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from gateway import metrics
from gateway.runs.errors import CallerDisconnected, StreamBroken
from gateway.runs.ports import EventLog, Numbered
from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.broker.queue_topology import RECORDS
from shared.clock import Clock
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.events import RunEnded, size_of
from shared.contracts.jobs import BlockLog, RunView
from shared.contracts.messages import EventBatch, RecordBatch, RunBegan, RunRecorded, without_data
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunSpec, RunStatus
from shared.errors import FlowportError, Unavailable
from shared.ids import public_run_id
from shared.observe.logging import get_logger
from shared.tracebacks import without_traceback
from shared.workflow.trace.spans import own_id, own_name

SELECTED: Final = "Comma-separated ids or names of blocks. The response has their last outputs as `blockOutputs`."
_STATUS: Final[Mapping[RunStatus, str]] = {RunStatus.PROCESSING: "running"}


def status_name(status: RunStatus) -> str:
    """Return the status name; these routes call `running` processing."""
    return _STATUS.get(status, status.value)


def status_of(word: str) -> RunStatus:
    """Return the status of a name. Raises ValueError."""
    return RunStatus.PROCESSING if word == _STATUS[RunStatus.PROCESSING] else RunStatus(word)


def output_payload(run: RunView) -> Payload | None:
    """Return the run's output, or a paused run's current one; a pause's output ends when the run continues."""
    return run.output if run.status is RunStatus.PAUSED or run.status.is_terminal else None


def cost_of(run: RunView) -> dict[str, float] | None:
    """Return the cost of a finished run, in US dollars."""
    return {"total": as_number(run.usage.cost_usd)} if run.status.is_terminal else None


def as_number(amount: float) -> float:
    """Return whole numbers as integers, as JavaScript writes them: `0` and not `0.0`."""
    return int(amount) if amount == int(amount) else amount


def block_outputs(blocks: Iterable[BlockLog], selected: Iterable[str]) -> dict[str, Any] | None:
    """Return the last outputs of these blocks, by id or name; None if none is named."""
    names = [name for name in selected if name]
    if not names:
        return None
    latest = {key: block.output for block in blocks if block.success for key in _keys(block)}
    return {name: latest[name] for name in names if name in latest}


def _keys(block: BlockLog) -> tuple[str, ...]:
    """Return the block's id and name, as logged (with loop and parallel rounds) and as authored."""
    return block.block_id, block.block_name, own_id(block.block_id), own_name(block)


def split_names(query: str | None) -> list[str]:
    """Split `a,b` into a list."""
    return [part.strip() for part in (query or "").split(",") if part.strip()]


log = get_logger("followed_runs")

POLL_SECONDS: Final = 2.0
"""Seconds without events before the reader polls the log: the run may have started elsewhere, or died."""
JOIN_SECONDS: Final = 0.25
"""First poll interval after joining, while earlier events are on their way to the log. Doubles at every silence."""
GAP_SECONDS: Final = 0.2
"""Seconds before the log is read again after a gap."""
MAX_GAPS: Final = 30
MAX_UNAVAILABLE_SECONDS: Final = 30.0
"""Seconds the event log may be unavailable: a store election takes less, and the run continues."""
MAX_SILENCES: Final = 3
BUFFER_BYTES: Final = 1024 * 1024
"""Pushed events beyond this size are dropped and read from the log, at the reader's pace."""
_FINISHED_OR_PAUSED: Final = (RunStatus.PAUSED, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


class RunReader:
    """Implements FollowedRun."""

    def __init__(
        self,
        key: str,
        workspace_id: str,
        *,
        after: EventPosition,
        events: EventLog,
        leave: Callable[["RunReader"], None],
    ) -> None:
        self.key = key
        self.run_id = public_run_id(key)
        self._workspace_id = workspace_id
        self._position = after
        self._events = events
        self._leave = leave
        self._buffered: deque[EventBatch] = deque()
        self._size = 0
        self._must_read_log = False
        self._poll_seconds = POLL_SECONDS
        self._ended = False
        self._failure: FlowportError | None = None
        self._changed = asyncio.Event()
        self._gaps = 0
        self._silences = 0
        self._unavailable_since: float | None = None

    def feed(self, batch: EventBatch) -> None:
        """Buffer a pushed batch; never blocks."""
        self._buffered.append(batch)
        self._size += _size(batch)
        if self._size > BUFFER_BYTES:
            self._drop_buffered()
            self._must_read_log = True
        self._changed.set()

    def read_log(self) -> None:
        """Read the log next: events may have been missed."""
        self._must_read_log = True
        self._poll_seconds = JOIN_SECONDS
        self._changed.set()

    def fail(self, failure: FlowportError) -> None:
        """End the stream with `failure`, which the reader raises."""
        self._failure = self._failure or failure
        self._leave(self)
        self._changed.set()

    def end_with(self, error: FlowportError) -> None:
        self.fail(error)

    def disconnect(self) -> None:
        """End the stream because the reader disconnected or saw the end. The run continues."""
        self.fail(CallerDisconnected())

    async def take(self) -> Sequence[Numbered]:
        while True:
            if self._failure is not None:
                raise without_traceback(self._failure)  # its traceback would keep the reader's request alive
            ready = self._contiguous()
            if ready:
                return ready
            if await self._is_fully_read():
                return ()

    async def _is_fully_read(self) -> bool:
        """Wait for events or read the log; return whether the run is over and fully read."""
        if not self._must_read_log and not self._ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._poll_seconds)
            if self._changed.is_set():
                self._changed.clear()
                return False
            self._poll_seconds = min(2 * self._poll_seconds, POLL_SECONDS)
        self._must_read_log = False
        page = await self._page()
        if page is None:
            return False
        if not page.batches:
            return await self._is_finished(page)
        next_batches = self._next_batches(page.batches)
        if next_batches:
            self._buffered.extendleft(reversed(next_batches))
            self._must_read_log = self._must_read_log or page.has_more or len(page.batches) > 1
        else:
            await self._await_log()
        return False

    async def _page(self) -> EventLogPage | None:
        """Return the log after the current position; None while the log is unavailable. Raises Unavailable."""
        clock = asyncio.get_running_loop().time
        try:
            page = await self._events.events(self._workspace_id, self.run_id, self._position)
        except Unavailable:
            self._unavailable_since = clock() if self._unavailable_since is None else self._unavailable_since
            if clock() - self._unavailable_since > MAX_UNAVAILABLE_SECONDS:
                raise
            self._must_read_log = True
            await asyncio.sleep(GAP_SECONDS)
            return None
        self._unavailable_since = None
        return page

    async def _is_finished(self, page: EventLogPage) -> bool:
        if self._buffered:
            await self._await_log()
            return False
        if page.status not in _FINISHED_OR_PAUSED:
            self._ended = False
            return False
        self._silences += 1
        if self._ended or self._silences > MAX_SILENCES:
            return True
        self._must_read_log = True
        await asyncio.sleep(GAP_SECONDS)
        return False

    async def _await_log(self) -> None:
        """Wait for the log to catch up with events that arrived ahead of it."""
        self._gaps += 1
        if self._gaps > MAX_GAPS:
            metrics.STREAM_GAPS.inc()
            log.warning("run_events_missing", run_id=self.run_id)
            self.fail(StreamBroken("Part of the stream was lost", run_id=self.run_id))
            return
        self._must_read_log = True
        await asyncio.sleep(GAP_SECONDS)

    def _contiguous(self) -> list[Numbered]:
        """Return the buffered events that continue from the current position."""
        ready: list[Numbered] = []
        while self._buffered and self._follows(self._buffered[0]):
            batch = self._buffered.popleft()
            for number, event in enumerate(batch.events, batch.first):
                position = EventPosition(batch.attempt, number)
                if position > self._position:
                    self._position = position
                    self._ended = isinstance(event, RunEnded)
                    if not self._ended:
                        ready.append((position, event))
        if self._buffered:
            self._must_read_log = True
        else:
            self._size = 0
        if ready:
            self._gaps = self._silences = 0
        return ready

    def _next_batches(self, batches: Sequence[EventBatch]) -> Sequence[EventBatch]:
        """Return the batches from the first one that continues from the current position; none after a gap.

        The first batch of a later attempt always continues: it voids missing events of earlier attempts.
        """
        first = next((n for n, batch in enumerate(batches) if self._follows(batch)), len(batches))
        return batches[first:]

    def _follows(self, batch: EventBatch) -> bool:
        if batch.attempt > self._position.attempt:
            return batch.first == 0
        return batch.attempt < self._position.attempt or batch.first <= self._position.number + 1

    def _drop_buffered(self) -> None:
        self._buffered.clear()
        self._size = 0


def _size(batch: EventBatch) -> int:
    return 256 + sum(map(size_of, batch.events))


class RunRecords:
    """Publisher of run records. Failures are logged: the run's worker, or its silence, tells the rest."""

    def __init__(self, work: WorkQueue, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def began(self, run: RunSpec) -> None:
        """Record a requested run that no worker has reported yet."""
        await self._record(RunBegan(run, self._clock.now()))

    async def ended(self, run: RunSpec, outcome: RunOutcome) -> None:
        """Record the end of a run that no known worker can report."""
        await self._record(RunRecorded(run, outcome))

    async def _record(self, record: RunBegan | RunRecorded) -> None:
        try:
            await self._work.publish(RECORDS, RecordBatch((without_data(record),)))
        except (QueueFull, BrokerUnavailable) as error:
            log.warning("run_record_not_sent", run_id=record.run.run_id, error=error.message)
