"""Attached runs: calls through the broker, and their events."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Final

import msgspec

from gateway import metrics
from gateway.runs.dispatch import Cancels, FastPath, RunRecords
from gateway.runs.errors import CallerDisconnected, NotStarted, ReaderTooSlow, RunLost, RunOverdue, StreamBroken
from shared.broker.ports import Broker, BrokerDisconnected, BrokerUnavailable, QueueFull, ReplyInbox
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, NESTED
from shared.clients.jobs.run_keys import with_internal_key
from shared.clock import Clock
from shared.contracts.events import RunEnded, RunEvent, SelectedOutput, size_of
from shared.contracts.messages import AnnounceRun, AttachedRunRequested, CancelRun, ControlMessage, EventBatch
from shared.contracts.runs import RunMode, RunOutcome, RunSpec, cancelled_without_worker, timeout_message, worker_lost
from shared.errors import AtCapacity, FlowportError, RunIdTaken, Unavailable
from shared.ids import public_run_id, run_key
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, span
from shared.observe.trace import current_traceparent
from shared.security.run_tickets import TicketSigner
from shared.shared_timeout import SharedTimeout
from shared.tracebacks import without_traceback

log = get_logger("attached_runs")


BUFFER_BYTES: Final = 1024 * 1024
"""Bytes buffered for a slow reader, excluding the batch over the limit and values for the final frame."""
MAX_ATTEMPTS: Final = 3
"""Attempts per run; a new one starts if a worker is lost before it began."""


class AttachedCall:
    """Event buffer of an attached run. `release` frees the slot of its stream.

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
        self.release: Callable[[], None] = lambda: None

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
        """Wait for at least one event, and return those since the last call; the last ever is RunEnded.

        Raises RunLost, StreamBroken, ReaderTooSlow, NotStarted, RunOverdue.
        """
        while not self._events:
            if self._failure is not None:
                raise without_traceback(self._failure)  # its traceback would keep the caller's input alive
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        events, self._events, self._buffered = self._events, [], 0
        return events

    async def outcome(self) -> RunOutcome:
        """Return the run's outcome. Raises what `take` raises."""
        while True:
            last = (await self.take())[-1]
            if isinstance(last, RunEnded):
                return last.outcome

    def end_with(self, error: FlowportError) -> None:
        """Drop unread events, raise `error` to a caller that lost access, and cancel the run."""
        self._events.clear()
        if self._is_over:
            self._failure = self._failure or error  # the end of the run has not been read yet
            self._wake()
        else:
            self.fail(error, cancel="caller_gone")

    def disconnect(self) -> None:
        """Cancel the run if it is not over: the caller disconnected or has seen the end."""
        self.release()
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


RETRY_SECONDS: Final = 10
STOP_SECONDS: Final = 5.0
"""Workers stop a cancelled run within a second; after this time, no worker has it."""
LOST: Final = "The connection to the workers was lost"


class BrokerAttachedRuns:
    """Sends attached runs to workers and receives their events.

    `queue_wait_seconds` limits a run's wait for a worker, `stop_seconds` a cancelled run's wait for its end.
    """

    def __init__(
        self,
        broker: Broker,
        cancels: Cancels,
        records: RunRecords,
        clock: Clock,
        *,
        signer: TicketSigner,
        queue_wait_seconds: float,
        margin_seconds: float,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._broker = broker
        self._cancels = cancels
        self._records = records
        self._clock = clock
        self._signer = signer
        self._queue_wait_seconds = queue_wait_seconds
        self._margin_seconds = margin_seconds
        self._stop_seconds = stop_seconds
        self._fast_path = FastPath()
        self._starts = SharedTimeout(queue_wait_seconds + margin_seconds, AttachedCall.not_started)
        self._calls: dict[str, AttachedCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._inbox: ReplyInbox | None = None

    async def start(self) -> None:
        """Open this process's reply queue. Raises BrokerUnavailable."""
        self._inbox = await self._broker.replies.open_inbox(self._on_batch, self._on_lost)

    def drain(self, seconds: float) -> None:
        """Shut down: end runs that are still active after `seconds`."""
        asyncio.get_running_loop().call_later(seconds, self._end_all)

    async def stop(self) -> None:
        """Cancel active runs, and close the reply queue."""
        self._end_all()
        if self._inbox is not None:
            await self._inbox.close()
            self._inbox = None

    async def attach(self, run: RunSpec) -> AttachedCall:
        """Queue the run and wait for its events. Raises AtCapacity, RunIdTaken, RunLost, Unavailable."""
        keyed = with_internal_key(run)
        if keyed.run_id in self._calls:
            raise RunIdTaken("Execution ID has already been used", details={"runId": run.run_id})
        call = AttachedCall(
            keyed,
            ticket=self._signer.sign_run(keyed, seconds=self._queue_wait_seconds + keyed.time_limit_ms / 1000),
            requested_at=self._clock.now(),
            starts=self._starts,
            margin_seconds=self._margin_seconds,
            leave=self._leave,
        )
        self._calls[call.key] = call
        try:
            await self._publish(call)
        except BaseException as error:
            if isinstance(error, FlowportError) and not isinstance(error, RunLost):
                # No worker has the run; workers remember cancels, so one would hit the next run with this id.
                call.fail(without_traceback(error))
            else:
                call.disconnect()
            raise
        return call

    def holds(self, workspace_id: str, workflow_id: str, run_id: str) -> bool:
        """Return whether a caller of this process waits for this run of the workflow."""
        call = self._calls.get(run_key(workspace_id, run_id))
        return call is not None and (call.workspace_id, call.workflow_id) == (workspace_id, workflow_id)

    async def announce(self, workspace_id: str, run_id: str) -> None:
        """Have the run recorded, if a caller of any process waits for it. Raises Unavailable."""
        await self._broker.control.broadcast(AnnounceRun(run_key(workspace_id, run_id)))

    def on_control(self, message: ControlMessage) -> None:
        """Record a run when announced, or end it after a cancel; runs of other processes are ignored."""
        if not isinstance(message, AnnounceRun | CancelRun) or (call := self._calls.get(message.run_id)) is None:
            return
        if isinstance(message, AnnounceRun):
            self._spawn(self._records.began(call.run))
        else:
            asyncio.get_running_loop().call_later(self._stop_seconds, self._end_cancelled, call)

    async def _publish(self, call: AttachedCall) -> None:
        if self._inbox is None:
            raise RunLost(LOST, run_id=call.run_id)
        request = call.request(self._inbox.address)
        try:
            if call.run.is_nested:
                await self._send(NESTED, request)
            elif call.attempt == 0 and self._fast_path.is_open:
                await self._send_fast(request)
            else:
                await self._send(INTERACTIVE, request)
        except QueueFull as error:
            retry_after = error.retry_after or RETRY_SECONDS
            raise AtCapacity("Service temporarily at capacity", retry_after=retry_after) from error
        except BrokerDisconnected as error:
            raise Unavailable(LOST, retry_after=RETRY_SECONDS) from error
        except BrokerUnavailable as error:
            raise RunLost(LOST, run_id=call.run_id) from error

    async def _send_fast(self, request: AttachedRunRequested) -> None:
        """Publish to the fast path for an idle worker; without one, to the replicated queue."""
        try:
            with self._fast_path.track_publish():
                await self._send(EXPRESS, request)
            return
        except (QueueFull, BrokerDisconnected):
            pass
        await self._send(INTERACTIVE, request)

    async def _send(self, queue: str, request: AttachedRunRequested) -> None:
        with span(f"publish {queue}", SpanKind.PRODUCER):
            await self._broker.work.publish(
                queue,
                request,
                traceparent=current_traceparent(),
                ttl_ms=int(self._queue_wait_seconds * 1000),
            )

    def _end_all(self) -> None:
        for call in list(self._calls.values()):
            call.fail(RunLost("The server is stopping", run_id=call.run_id), cancel="shutdown")

    def _on_batch(self, batch: EventBatch) -> None:
        call = self._calls.get(batch.run_id)
        if call is None:
            # A redelivered bundle includes ended runs, whose loss needs no cancel.
            if batch.reported_loss is None and not batch.is_expiry:
                self._cancels.cancel_unowned(batch.run_id)
        elif batch.is_expiry:
            self._on_expired(call, batch)
        elif (lost := batch.reported_loss) is None:
            call.feed(batch)
        else:
            self._on_worker_lost(call, batch, lost)

    def _on_worker_lost(self, call: AttachedCall, report: EventBatch, outcome: RunOutcome) -> None:
        """Retry a run that had not begun; otherwise report the loss to its caller and the run lists."""
        if report.attempt != call.attempt:
            return
        if call.start_next_attempt():
            self._spawn(self._republish(call))
        else:
            call.feed(report)
            self._spawn(self._records.ended(call.run, outcome))

    def _on_expired(self, call: AttachedCall, notice: EventBatch) -> None:
        """End an expired run: the worker that began it was lost without a report, or none took it."""
        if notice.attempt != call.attempt:
            return
        if not call.has_begun:
            call.not_started()
            return
        outcome = worker_lost(call.requested_at, self._clock.now())
        call.feed(msgspec.structs.replace(notice, events=(RunEnded(outcome),)))
        self._spawn(self._records.ended(call.run, outcome))

    def _end_cancelled(self, call: AttachedCall) -> None:
        outcome = cancelled_without_worker(call.requested_at, self._clock.now())
        if call.end_cancelled(outcome):
            self._spawn(self._records.ended(call.run, outcome))

    async def _republish(self, call: AttachedCall) -> None:
        log.info("attached_run_redispatched", run_id=call.run_id, attempt=call.attempt)
        try:
            await self._publish(call)
        except FlowportError as error:
            call.fail(error)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_lost(self) -> None:
        for call in list(self._calls.values()):
            call.fail(RunLost(LOST, run_id=call.run_id))

    def _leave(self, call: AttachedCall, cancel: str | None) -> None:
        if self._calls.get(call.key) is call:
            del self._calls[call.key]
        if cancel is not None:
            self._cancels.send(call.key, cancel)
