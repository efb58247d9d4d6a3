"""Runs that are stored: claimed, journaled, and finished whatever dies."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from msgspec.structs import replace

from executor_service.application.grouped_journal import GroupedJournal
from executor_service.application.launcher import Launcher, pause_points
from executor_service.application.patience import PATIENCE_SECONDS, insist
from executor_service.application.run_handle import RunHandle
from executor_service.application.running_runs import RunningRuns
from executor_service.application.unheard import Unheard
from executor_service.engine.request import RunResult
from executor_service.metrics import CLAIMS, SLOTS_BUSY, count_end
from executor_service.ports import DurableRuns, EventsOf, RunEvents
from shared.contracts.jobs import ClaimGranted, ClaimRun, FinishRun, LeaseAnswer
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunSpec, RunStatus
from shared.errors import FlowportError, StaleAttempt, Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, joined_span

log = get_logger("durable_runs")
RENEWALS_PER_LEASE: Final = 3
"""Two may get lost."""


class Released(Exception):
    """The run was handed back before its end."""


class DurableRunWorker:
    """Works on dispatched runs. One instance a process."""

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
        self._executions: set[asyncio.Task[RunResult]] = set()
        self._in_hand: set[DurableRunDispatched] = set()
        self._draining = False

    async def work(self, dispatch: DurableRunDispatched, *, redelivered: bool) -> None:
        """Claim the run and, if it is ours, take it to its end. Raises Unavailable when it cannot be claimed.

        A message that comes again while its run is in hand is forgotten: the claim would be granted to its holder.
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
        claim = ClaimRun(dispatch.dispatch_id, self._worker_id, redelivered, claim_id=new_id())
        answer = await insist(partial(self._durable.claim, dispatch.run_id, claim))
        CLAIMS.labels("granted" if answer.granted else "refused").inc()
        if answer.granted is None:
            return
        spec = answer.granted.run
        with (
            SLOTS_BUSY.labels("durable").track_inprogress(),
            joined_span(spec.traceparent, "run", SpanKind.CONSUMER, flowport__run__id=spec.run_id),
        ):
            await self._attempt(answer.granted)

    def release_all(self) -> None:
        """The process is going down: hand back every run in hand."""
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
        """The lease is kept until the result is stored."""
        run_id, handle = granted.run.run_id, RunHandle(events.follow)
        with self._running.holding(run_id, handle):
            async with self._lease_kept(granted, handle) as lease:
                result = await self._result(granted, events, lease, handle)
                await insist(partial(self._durable.finish, run_id, result))
                return result.outcome

    async def _result(self, granted: ClaimGranted, events: RunEvents, lease: "_Lease", handle: RunHandle) -> FinishRun:
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
            assure=partial(self._assure, lease, granted),
        )
        try:
            result = await self._unless_stopped(lease, self._executed(granted, spec, events, journal, handle))
        except _Refused as refusal:
            return FinishRun(granted.attempt, self._launcher.refused(refusal.error))
        except Released:
            await journal.flush()  # what is done, whoever goes on shall not do again
            raise
        return await self._report(granted.attempt, spec, journal, result)

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
        handle.bind(execution)
        return await execution.run()

    async def _report(self, attempt: int, spec: RunSpec, journal: GroupedJournal, result: RunResult) -> FinishRun:
        if result.outcome.status is RunStatus.PAUSED:
            await journal.flush()
        else:
            await journal.settle()
        outcome = await self._launcher.conclude(spec, result.outcome, patience_seconds=PATIENCE_SECONDS)
        blocks = tuple(result.blocks) if spec.stores_data else ()
        return FinishRun(attempt, outcome, blocks, result.usage, pause_points(result))

    async def _unless_stopped(self, lease: "_Lease", work: Coroutine[object, object, RunResult]) -> RunResult:
        """Do `work` until it is done, the lease is lost, or the process goes down."""
        if self._draining:
            work.close()
            raise Released
        task = lease.task = asyncio.create_task(work)
        self._executions.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if lease.lost:
                raise StaleAttempt("the lease went to another worker") from None
            if self._draining:
                raise Released from None
            raise
        finally:
            lease.task = None
            self._executions.discard(task)
            task.cancel()

    @asynccontextmanager
    async def _lease_kept(self, granted: ClaimGranted, handle: RunHandle) -> AsyncIterator["_Lease"]:
        lease, run_id = _Lease(granted.lease_ms / 1000), granted.run.run_id
        pause = lease.seconds / RENEWALS_PER_LEASE

        async def renew() -> None:
            while True:
                await asyncio.sleep(pause)
                try:
                    answer = await self._renewed(run_id, granted.attempt, pause / 2)
                    lease.heard_of()
                except StaleAttempt:
                    lease.lose()
                    return
                if answer.cancelled:
                    handle.cancel("cancelled")

        renewal = asyncio.create_task(renew(), name=f"lease-{run_id}")
        try:
            yield lease
        finally:
            renewal.cancel()

    async def _assure(self, lease: "_Lease", granted: ClaimGranted) -> None:
        """Ask whether the run is still ours where nobody has heard of us for a lease: the process stood still."""
        if lease.is_doubtful:
            await insist(partial(self._durable.renew, granted.run.run_id, granted.attempt))
            lease.heard_of()

    async def _renewed(self, run_id: str, attempt: int, seconds: float) -> LeaseAnswer:
        """Ask until there is an answer: who does not give one in `seconds` hangs, and another may give it in time."""
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await self._durable.renew(run_id, attempt)
            except (Unavailable, TimeoutError):
                await asyncio.sleep(seconds / 5)


class _Lease:
    """Whether the right to the run is still ours, as far as we know, and what to stop when it is not."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lost = False
        self.heard_of()
        self.task: asyncio.Task[RunResult] | None = None

    def heard_of(self) -> None:
        """It was granted, or renewed."""
        self._heard_at = asyncio.get_running_loop().time()

    @property
    def is_doubtful(self) -> bool:
        """Whether it has not been renewed for as long as it lasts."""
        return asyncio.get_running_loop().time() - self._heard_at > self.seconds

    def lose(self) -> None:
        """Somebody else has the run."""
        self.lost = True
        if self.task is not None:
            self.task.cancel()


class _Refused(Exception):
    """The run cannot begin, whoever tries."""

    def __init__(self, error: FlowportError) -> None:
        super().__init__(error.message)
        self.error = error
