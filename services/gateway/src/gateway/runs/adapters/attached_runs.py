"""Attached runs over the broker: one reply queue per process, and one call object per run."""

import asyncio
from collections.abc import Coroutine
from typing import Final

import msgspec

from gateway.runs.adapters.attached_call import AttachedCall
from gateway.runs.adapters.cancels import Cancels
from gateway.runs.adapters.fast_path import FastPath
from gateway.runs.adapters.run_records import RunRecords
from gateway.runs.domain.errors import RunLost
from shared.broker.ports import Broker, BrokerDisconnected, BrokerUnavailable, QueueFull, ReplyInbox
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, NESTED
from shared.clients.jobs.run_keys import with_internal_key
from shared.clock import Clock
from shared.contracts.events import RunEnded
from shared.contracts.messages import AnnounceRun, AttachedRunRequested, CancelRun, ControlMessage, EventBatch
from shared.contracts.runs import RunOutcome, RunSpec, cancelled_without_worker, worker_lost
from shared.errors import AtCapacity, FlowportError, RunIdTaken, Unavailable
from shared.ids import run_key
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, span
from shared.observe.trace import current_traceparent
from shared.security.run_tickets import TicketSigner
from shared.shared_timeout import SharedTimeout
from shared.tracebacks import without_traceback

RETRY_SECONDS: Final = 10
STOP_SECONDS: Final = 5.0
"""Workers stop a cancelled run within a second; after this time, no worker has it."""
LOST: Final = "The connection to the workers was lost"

log = get_logger("attached_runs")


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
