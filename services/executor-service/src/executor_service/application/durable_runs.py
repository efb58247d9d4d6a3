"""Durable runs: claim, execute with a journal, and finish, even if processes are killed."""

import asyncio
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from executor_service.application.active_runs import ActiveRuns
from executor_service.application.batched_journal import BatchedJournal
from executor_service.application.file_references import referenced_file_ids
from executor_service.application.launcher import Launcher, pause_points
from executor_service.application.lease import Lease, hold_lease
from executor_service.application.null_events import NO_RECORDINGS, NullRunEvents
from executor_service.application.retries import RETRY_SECONDS, retry_unavailable
from executor_service.application.run_handle import RunHandle, RunStopped
from executor_service.engine.recorder import RunRecording
from executor_service.engine.request import RunResult
from executor_service.metrics import CLAIMS, count_end, use_slot
from executor_service.ports import DurableRuns, Recordings, RunEvents, RunEventsFactory
from shared.contracts.claims import ClaimGranted, ClaimRun, FinishRun
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.runs import RunOutcome, RunSpec, RunStatus
from shared.errors import FlowportError, StaleAttempt, Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, server_span
from shared.security.current_ticket import using_ticket

log = get_logger("durable_runs")
T = TypeVar("T")

STORE_CANCEL_REASONS: Final = frozenset({"cancelled", "lost"})
"""Reasons to stop a durable run.

Other reasons concern the caller that waited before the pause. The run continues without that caller.
"""


class RunReleased(Exception):
    """The run was released before its end."""


class DurableRunWorker:
    """Worker for dispatched runs. One instance per process."""

    def __init__(
        self,
        launcher: Launcher,
        durable: DurableRuns,
        running: ActiveRuns,
        *,
        worker_id: str,
        events: RunEventsFactory = lambda spec, attempt: NullRunEvents(),
        recordings: Recordings = NO_RECORDINGS,
    ) -> None:
        self._recordings = recordings
        self._launcher = launcher
        self._durable = durable
        self._running = running
        self._worker_id = worker_id
        self._events = events
        self._executions: set[asyncio.Task[Any]] = set()
        self._active: set[DurableRunDispatched] = set()
        self._draining = False

    async def work(self, dispatch: DurableRunDispatched, *, redelivered: bool) -> None:
        """Claim the run and, if granted, execute it to its end. Raises Unavailable if it cannot be claimed.

        A repeated message of an active run is dropped: jobs-service would grant this worker the claim again.
        """
        if dispatch in self._active:
            log.info("run_dispatch_duplicate", run_id=dispatch.run_id)
            return
        self._active.add(dispatch)
        try:
            await self._claim_and_run(dispatch, redelivered=redelivered)
        finally:
            self._active.discard(dispatch)

    async def _claim_and_run(self, dispatch: DurableRunDispatched, *, redelivered: bool) -> None:
        claim = ClaimRun(dispatch.dispatch_id, self._worker_id, redelivered, claim_id=new_id(), pages=True)
        answer = await retry_unavailable(partial(self._durable.claim, dispatch.run_id, claim))
        CLAIMS.labels("granted" if answer.granted else "refused").inc()
        if answer.granted is None:
            return
        spec = answer.granted.run
        with (
            using_ticket(answer.granted.ticket),
            use_slot("durable"),
            server_span(spec.traceparent, "run", SpanKind.CONSUMER, flowport__run__id=spec.run_id),
        ):
            await self._run_attempt(answer.granted)

    def release_all(self) -> None:
        """Release all active runs at shutdown."""
        self._draining = True
        for execution in self._executions:
            execution.cancel()

    async def _run_attempt(self, granted: ClaimGranted) -> None:
        spec, attempt = granted.run, granted.attempt
        events = self._events(spec, attempt)
        await events.begin(spec.listener)
        ended: RunOutcome | None = None
        try:
            ended = await self._run_to_end(granted, events)
            count_end(spec.mode, ended)
        except StaleAttempt:
            log.info("run_lease_lost", run_id=spec.run_id, attempt=attempt)
        except RunReleased:
            await retry_unavailable(partial(self._durable.release, spec.run_id, attempt))
        finally:
            await events.close(ended)

    async def _run_to_end(self, granted: ClaimGranted, events: RunEvents) -> RunOutcome:
        """Execute the run; hold the lease until the result is stored."""
        run_id, handle = granted.run.run_id, RunHandle(events.follow, cancel_reasons=STORE_CANCEL_REASONS)
        with self._running.track(run_id, handle):
            async with hold_lease(self._durable, granted, partial(handle.cancel, "cancelled")) as lease:
                granted = await self._run_unless_stopped(lease, self._load_journal(granted))
                result, recording = await self._execute(granted, events, lease, handle)
                await retry_unavailable(partial(self._durable.finish, run_id, result))
                if recording is not None:
                    self._recordings.put(recording)
                return result.outcome

    async def _execute(
        self, granted: ClaimGranted, events: RunEvents, lease: Lease, handle: RunHandle
    ) -> tuple[FinishRun, RunRecording | None]:
        spec = replace(
            granted.run,
            time_limit_ms=granted.remaining_ms,
            time_limit_text_ms=granted.run.time_limit_text_ms or granted.run.time_limit_ms,
        )
        journal = BatchedJournal(
            self._durable,
            spec.run_id,
            granted.attempt,
            next_index=len(granted.journal),
            ensure_held=lease.ensure_held,
        )
        try:
            result = await self._run_unless_stopped(lease, self._run(granted, spec, events, journal, handle))
        except _CannotStart as refusal:
            return FinishRun(granted.attempt, self._launcher.failed_outcome(refusal.error)), None
        except RunReleased:
            await journal.flush()  # finished blocks must not run again in the next attempt
            raise
        return await self._build_result(granted.attempt, spec, journal, result), result.recording

    async def _load_journal(self, granted: ClaimGranted) -> ClaimGranted:
        """Return `granted` with the rest of the journal. Raises StaleAttempt, RunReleased."""
        run_id, more_behind = granted.run.run_id, granted.more_behind
        entries = list(granted.journal)
        try:
            while more_behind is not None:
                page = await retry_unavailable(
                    partial(self._durable.read_journal, run_id, granted.attempt, more_behind)
                )
                entries += page.entries
                more_behind = page.more_behind
        except Unavailable as error:
            log.warning("journal_unavailable", run_id=run_id, error=error.message)
            raise RunReleased from error
        return replace(granted, journal=tuple(entries), more_behind=None)

    async def _run(
        self, granted: ClaimGranted, spec: RunSpec, events: RunEvents, journal: BatchedJournal, handle: RunHandle
    ) -> RunResult:
        prepare = partial(
            self._launcher.prepare,
            spec,
            events,
            journal=journal,
            entries=[entry.data for entry in granted.journal],
            state=granted.state,
            answers=granted.answers,
        )
        began = time.monotonic()
        try:
            preparation = retry_unavailable(prepare)
            if not granted.journal and granted.state is None:
                preparation = handle.run_until_stopped(preparation, spec.time_limit_ms / 1000)
            # Only an execution can report what earlier attempts did and cost.
            execution = await preparation
        except RunStopped:
            is_cancelled = handle.cancel_reason is not None
            return self._launcher.stopped_result(spec, time.monotonic() - began, cancelled=is_cancelled)
        except Unavailable as error:
            log.warning("run_preparation_failed", run_id=spec.run_id, error=error.message)
            raise RunReleased from error
        except FlowportError as error:
            raise _CannotStart(error) from error
        with handle.forward_cancels(execution.cancel):
            return await execution.run(spent_seconds=time.monotonic() - began)

    async def _build_result(self, attempt: int, spec: RunSpec, journal: BatchedJournal, result: RunResult) -> FinishRun:
        if result.outcome.status is RunStatus.FAILED and spec.stores_data:
            await journal.flush()  # a repair continues from it
        else:
            await journal.settle()
        outcome = await self._launcher.store_output(spec, result.outcome, retry_seconds=RETRY_SECONDS)
        blocks = tuple(result.blocks) if spec.stores_data else ()
        state = b"" if result.state is None else msgspec.json.encode(result.state)
        files = referenced_file_ids(spec.snapshot.workspace_id, state)
        return FinishRun(attempt, outcome, blocks, result.usage, pause_points(result), files)

    async def _run_unless_stopped(self, lease: Lease, work: Coroutine[object, object, T]) -> T:
        """Run `work` until it ends, the lease is lost, or the process stops."""
        if self._draining:
            work.close()
            raise RunReleased
        lease.task = task = asyncio.create_task(work)
        self._executions.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if lease.is_lost:
                raise StaleAttempt("another worker holds the lease") from None
            if self._draining:
                raise RunReleased from None
            raise
        finally:
            lease.task = None
            self._executions.discard(task)
            del task  # its result refers to this frame


class _CannotStart(Exception):
    """The run cannot start in any worker."""

    def __init__(self, error: FlowportError) -> None:
        super().__init__(error.message)
        self.error = error
