"""Attached run of a caller of this process: event buffer, order, timeouts."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from gateway import metrics
from gateway.runs.domain.errors import CallerDisconnected, NotStarted, ReaderTooSlow, RunOverdue, StreamBroken
from shared.contracts.events import RunEnded, RunEvent, SelectedOutput, size_of
from shared.contracts.messages import AttachedRunRequested, EventBatch
from shared.contracts.runs import RunMode, RunOutcome, RunSpec, timeout_message
from shared.errors import FlowportError
from shared.ids import public_run_id
from shared.observe.logging import get_logger
from shared.shared_timeout import SharedTimeout
from shared.tracebacks import without_traceback

log = get_logger("attached_runs")

BUFFER_BYTES: Final = 1024 * 1024
"""Bytes buffered for a slow reader, excluding the batch over the limit and values for the final frame."""
MAX_ATTEMPTS: Final = 3
"""Attempts per run; a new one starts if a worker is lost before it began."""


class AttachedCall:
    """Event buffer of an attached run. Implements AttachedRun.

    `run` is identified by its key, see shared.ids.run_key. `starts` limits the time until its first event.
    """

    def __init__(
        self,
        run: RunSpec,
        *,
        ticket: str,
        requested_at: datetime,
        starts: SharedTimeout["AttachedCall"],
        margin_seconds: float,
        leave: Callable[["AttachedCall", str | None], None],
    ) -> None:
        self.key = run.run_id
        self.run_id = public_run_id(run.run_id)
        self.workspace_id = run.snapshot.workspace_id
        self.workflow_id = run.snapshot.workflow_id
        self.attempt = 0
        self.run = run
        self._ticket = ticket
        self.requested_at = requested_at
        self._margin_seconds = margin_seconds
        self._leave = leave
        self._keeps_all = run.mode is not RunMode.SYNC
        self._events: list[RunEvent] = []
        self._buffered = 0
        self._next_seq = 0
        self._is_over = False
        self._failure: FlowportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._starts = starts
        self._start = starts.add(self)
        self._timer: asyncio.TimerHandle | None = None

    def request(self, reply_to: str) -> AttachedRunRequested:
        """Return the request for workers."""
        return AttachedRunRequested(self.run, reply_to, self.attempt, self._ticket)

    @property
    def has_begun(self) -> bool:
        """Return whether a worker has reported the run: workers do so before any effect."""
        return self._next_seq > 0

    def start_next_attempt(self) -> bool:
        """Start a new attempt after a lost worker. Return False if the run had begun, or has no attempts left."""
        if self._is_over or self.has_begun or self.attempt == MAX_ATTEMPTS - 1:
            return False
        self.attempt += 1
        return True

    def feed(self, batch: EventBatch) -> None:
        """Buffer the next batch of the run; never blocks."""
        if self._is_over or batch.attempt != self.attempt:
            return
        ended = bool(batch.events) and isinstance(batch.events[-1], RunEnded)
        if not self.has_begun and not ended:
            self._starts.remove(self._start)
            limit = self.run.time_limit_ms / 1000 + self._margin_seconds
            self._timer = asyncio.get_running_loop().call_later(limit, self._overdue)
        if self._keeps_all and not self._is_next(batch):
            return
        self._next_seq = batch.seq + 1
        self._events.extend(batch.events if self._keeps_all else batch.events[-1:] if ended else ())
        self._buffered += sum(map(_waits_for_reader, batch.events)) if self._keeps_all else 0
        if ended:
            self._finish(None)
        self._wake()

    def end_cancelled(self, outcome: RunOutcome) -> bool:
        """End a cancelled run that no worker reported as stopped. Return False if it was already over."""
        if self._is_over:
            return False
        self._events.append(RunEnded(outcome))
        self._finish("cancelled")
        self._wake()
        return True

    def not_started(self) -> None:
        """Fail the run: no worker took it in time."""
        self.fail(NotStarted(), cancel="not_started")

    def fail(self, failure: FlowportError, *, cancel: str | None = None) -> None:
        """End the run with `failure`; with `cancel`, send workers a cancel with this reason."""
        if not self._is_over:
            self._failure = failure
            self._finish(cancel)
            self._wake()

    async def take(self) -> Sequence[RunEvent]:
        while not self._events:
            if self._failure is not None:
                raise without_traceback(self._failure)  # its traceback would keep the caller's input alive
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        events, self._events, self._buffered = self._events, [], 0
        return events

    async def outcome(self) -> RunOutcome:
        while True:
            last = (await self.take())[-1]
            if isinstance(last, RunEnded):
                return last.outcome

    def end_with(self, error: FlowportError) -> None:
        self._events.clear()
        if self._is_over:
            self._failure = self._failure or error  # the end of the run has not been read yet
            self._wake()
        else:
            self.fail(error, cancel="caller_gone")

    def disconnect(self) -> None:
        if not self._is_over:
            self.fail(CallerDisconnected(), cancel="caller_gone")

    def _is_next(self, batch: EventBatch) -> bool:
        if batch.seq < self._next_seq:  # resent by a worker that missed the broker's confirmation
            return batch.reported_loss is not None
        if batch.seq > self._next_seq:
            metrics.STREAM_GAPS.inc()
            log.warning("run_events_missing", run_id=self.run_id, expected=self._next_seq, found=batch.seq)
            self.fail(StreamBroken("Part of the stream was lost", run_id=self.run_id), cancel="stream_broken")
            return False
        if self._buffered > BUFFER_BYTES:
            metrics.SLOW_READERS.inc()
            self._events.clear()
            self.fail(ReaderTooSlow("The stream was not read in time"), cancel="reader_too_slow")
            return False
        return True

    def _finish(self, cancel: str | None) -> None:
        self._is_over = True
        self._starts.remove(self._start)
        if self._timer is not None:
            self._timer.cancel()
        self._leave(self, cancel)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _overdue(self) -> None:
        limit = self.run.time_limit_text_ms or self.run.time_limit_ms
        self.fail(RunOverdue(timeout_message(limit), run_id=self.run_id), cancel="timeout")


def _waits_for_reader(event: RunEvent) -> int:
    """Return the bytes that count for a slow reader: values for the final frame are exempt."""
    return 0 if isinstance(event, SelectedOutput) else size_of(event)
