"""Durable runs: claimed, journaled, and finished whatever process dies."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from executor_service.application.active_runs import RunningRuns
from executor_service.application.batched_journal import GroupedJournal
from executor_service.application.file_references import held_files
from executor_service.application.launcher import Launcher, pause_points
from executor_service.application.lease import Lease, kept_lease
from executor_service.application.null_events import Unheard
from executor_service.application.retries import PATIENCE_SECONDS, insist
from executor_service.application.run_handle import RunHandle
from executor_service.engine.request import RunResult
from executor_service.metrics import CLAIMS, SLOTS_BUSY, count_end
from executor_service.ports import DurableRuns, EventsOf, RunEvents
from shared.contracts.claims import ClaimGranted, ClaimRun, FinishRun
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunSpec
from shared.errors import FlowportError, StaleAttempt, Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, joined_span
from shared.security.current_ticket import using_ticket

log = get_logger("durable_runs")
T = TypeVar("T")

OF_THE_STORE: Final = frozenset({"cancelled", "lost"})
"""Reasons to stop a durable run.

Other reasons concern the caller who waited before it paused: the run continues without them.
"""


class Released(Exception):
    """The run was released before its end."""


class DurableRunWorker:
    """Worker for dispatched runs. One instance a process."""

    def __init__(
        self,
        launcher: Launcher,
        durable: DurableRuns,
        running: RunningRuns,
        *,
        worker_id: str,
        events: EventsOf = lambda spec, attempt: Unheard(),
    ) -> None:
        self._launcher = launcher
        self._durable = durable
        self._running = running
        self._worker_id = worker_id
        self._events = events
        self._executions: set[asyncio.Task[Any]] = set()
        self._in_hand: set[DurableRunDispatched] = set()
        self._draining = False

    async def work(self, dispatch: DurableRunDispatched, *, redelivered: bool) -> None:
        """Claim the run and, if granted, execute it to its end. Raises Unavailable if it cannot be claimed.

        A repeated message of an active run is dropped: its holder would be granted the claim again.
        """
        if dispatch in self._in_hand:
            log.info("the run is in hand already", run_id=dispatch.run_id)
            return
        self._in_hand.add(dispatch)
        try:
            await self._work(dispatch, redelivered=redelivered)
        finally:
            self._in_hand.discard(dispatch)

    async def _work(self, dispatch: DurableRunDispatched, *, redelivered: bool) -> None:
        claim = ClaimRun(dispatch.dispatch_id, self._worker_id, redelivered, claim_id=new_id(), pages=True)
        answer = await insist(partial(self._durable.claim, dispatch.run_id, claim))
        CLAIMS.labels("granted" if answer.granted else "refused").inc()
        if answer.granted is None:
            return
        spec = answer.granted.run
        with (
            using_ticket(answer.granted.ticket),
            SLOTS_BUSY.labels("durable").track_inprogress(),
            joined_span(spec.traceparent, "run", SpanKind.CONSUMER, flowport__run__id=spec.run_id),
        ):
            await self._attempt(answer.granted)

    def release_all(self) -> None:
        """Release all active runs at shutdown."""
        self._draining = True
        for execution in self._executions:
            execution.cancel()

    async def _attempt(self, granted: ClaimGranted) -> None:
        spec, attempt = granted.run, granted.attempt
        events = self._events(spec, attempt)
        await events.begin(spec.listener)
        ended: RunOutcome | None = None
        try:
            ended = await self._finished(granted, events)
            count_end(spec.mode, ended)
        except StaleAttempt:
            log.info("another worker holds the run", run_id=spec.run_id, attempt=attempt)
        except Released:
            await insist(partial(self._durable.release, spec.run_id, attempt))
        finally:
            await events.close(ended)

    async def _finished(self, granted: ClaimGranted, events: RunEvents) -> RunOutcome:
        """Execute the run; hold the lease until the result is stored."""
        run_id, handle = granted.run.run_id, RunHandle(events.follow, heeds=OF_THE_STORE)
        with self._running.holding(run_id, handle):
            async with kept_lease(self._durable, granted, partial(handle.cancel, "cancelled")) as lease:
                granted = await self._unless_stopped(lease, self._with_whole_journal(granted))
                result = await self._result(granted, events, lease, handle)
                await insist(partial(self._durable.finish, run_id, result))
                return result.outcome

    async def _result(self, granted: ClaimGranted, events: RunEvents, lease: Lease, handle: RunHandle) -> FinishRun:
        spec = replace(
            granted.run,
            time_limit_ms=granted.remaining_ms,
            time_limit_text_ms=granted.run.time_limit_text_ms or granted.run.time_limit_ms,
        )
        journal = GroupedJournal(
            self._durable,
            spec.run_id,
            granted.attempt,
            next_index=len(granted.journal),
            assure=lease.assure,
        )
        try:
            result = await self._unless_stopped(lease, self._executed(granted, spec, events, journal, handle))
        except _Refused as refusal:
            return FinishRun(granted.attempt, self._launcher.refused(refusal.error))
        except Released:
            await journal.flush()  # finished blocks must not run again in the next attempt
            raise
        return await self._report(granted.attempt, spec, journal, result)

    async def _with_whole_journal(self, granted: ClaimGranted) -> ClaimGranted:
        """Return `granted` with the rest of the journal. Raises StaleAttempt, Released."""
        run_id, more_behind = granted.run.run_id, granted.more_behind
        entries = list(granted.journal)
        try:
            while more_behind is not None:
                page = await insist(partial(self._durable.read_journal, run_id, granted.attempt, more_behind))
                entries += page.entries
                more_behind = page.more_behind
        except Unavailable as error:
            log.warning("the journal of the run cannot be had", run_id=run_id, error=error.message)
            raise Released from error
        return replace(granted, journal=tuple(entries), more_behind=None)

    async def _executed(
        self, granted: ClaimGranted, spec: RunSpec, events: RunEvents, journal: GroupedJournal, handle: RunHandle
    ) -> RunResult:
        prepare = partial(
            self._launcher.prepare,
            spec,
            events,
            journal=journal,
            entries=[entry.data for entry in granted.journal],
            left=granted.state,
            answers=granted.answers,
        )
        try:
            execution = await insist(prepare)
        except Unavailable as error:
            log.warning("what the run needs cannot be had", run_id=spec.run_id, error=error.message)
            raise Released from error
        except FlowportError as error:
            raise _Refused(error) from error
        with handle.passing_to(execution.cancel):
            return await execution.run()

    async def _report(self, attempt: int, spec: RunSpec, journal: GroupedJournal, result: RunResult) -> FinishRun:
        await journal.settle()
        outcome = await self._launcher.conclude(spec, result.outcome, patience_seconds=PATIENCE_SECONDS)
        blocks = tuple(result.blocks) if spec.stores_data else ()
        state = b"" if result.state is None else msgspec.json.encode(result.state)
        files = held_files(spec.snapshot.workspace_id, state)
        return FinishRun(attempt, outcome, blocks, result.usage, pause_points(result), files)

    async def _unless_stopped(self, lease: Lease, work: Coroutine[object, object, T]) -> T:
        """Run `work` until it ends, the lease is lost, or the process stops."""
        if self._draining:
            work.close()
            raise Released
        lease.task = task = asyncio.create_task(work)
        self._executions.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if lease.is_lost:
                raise StaleAttempt("the lease went to another worker") from None
            if self._draining:
                raise Released from None
            raise
        finally:
            lease.task = None
            self._executions.discard(task)
            del task  # its result holds this frame


class _Refused(Exception):
    """The run cannot start in any worker."""

    def __init__(self, error: FlowportError) -> None:
        super().__init__(error.message)
        self.error = error
