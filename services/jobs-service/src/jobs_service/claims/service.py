"""Claims of durable runs: claim, renew, finish, release."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from jobs_service import metrics
from jobs_service.journal import JournalCleaner, JournalRepository, JournalService
from jobs_service.leadership import WakeUpEvent
from jobs_service.pauses import PauseService
from jobs_service.payloads import Payloads
from jobs_service.runs import rules as claim_rules
from jobs_service.runs import run as messages
from jobs_service.runs.documents import ClaimableRun, LoadedRun, RunRepository, RunResult
from jobs_service.runs.repository import retry_on_conflict
from jobs_service.runs.rules import (
    MAX_PAUSES,
    ClaimDecision,
    ClaimEnd,
    ClaimGrant,
    ClaimRefusal,
    answers_of,
    finish,
    pause,
)
from jobs_service.runs.run import Phase, Rules, Run, end
from jobs_service.runs.words import NO_WORDS, words_of
from shared.clock import ms_between, whole_ms
from shared.contracts.claims import (
    AppendJournal,
    ClaimAnswer,
    ClaimGranted,
    ClaimRun,
    FinishRun,
    JournalPage,
    JournalPosition,
    LeaseAnswer,
    ReleaseRun,
    RenewLease,
)
from shared.contracts.runs import MAX_ERROR_CHARS, RunError, RunSpec, RunStatus
from shared.ids import RUN_KEY_LENGTH
from shared.security.run_tickets import TicketSigner
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body


class ClaimService:
    """Run claims of workers. The attempt fences every write."""

    def __init__(
        self,
        *,
        runs: RunRepository,
        journal: JournalRepository,
        payloads: Payloads,
        pauses: PauseService,
        journal_cleaner: JournalCleaner,
        rules: Rules,
        dispatcher: WakeUpEvent,
        signer: TicketSigner,
    ) -> None:
        self._runs = runs
        self._journal = journal
        self._payloads = payloads
        self._pauses = pauses
        self._journal_cleaner = journal_cleaner
        self._rules = rules
        self._dispatcher = dispatcher
        self._signer = signer

    async def claim(self, run_id: str, request: ClaimRun) -> ClaimAnswer:
        """Decide a claim. Not granted: the worker must acknowledge and drop the message."""
        return await retry_on_conflict(run_id, self._runs.claimable, partial(self._decide_claim, request))

    async def renew(self, run_id: str, attempt: int) -> LeaseAnswer:
        """Renew the lease. Raises StaleAttempt."""
        if await self._runs.renew(run_id, attempt):
            return LeaseAnswer(cancelled=False)
        renewed = await self._change(
            run_id, attempt, lambda loaded: claim_rules.renew(loaded.run, attempt, loaded.now, self._rules)
        )
        return LeaseAnswer(renewed.cancel_requested)

    async def finish(self, run_id: str, report: FinishRun) -> None:
        """Store the attempt's outcome. Raises StaleAttempt, InvalidRequest."""
        loaded = await self._runs.load(run_id)
        if loaded is None:
            raise claim_rules.unknown_run(run_id, report.attempt)
        decide = partial(self._apply_report, report)
        after = loaded.run
        if decide(loaded) != after:
            result = await self._result(loaded, report)
            after = await self._change(run_id, report.attempt, decide, first=loaded, result=result)
            self._free_slot(after)
        if not after.phase.is_terminal:  # also for a repeated report: the first may have failed here
            await self._pauses.extend_lifetimes(run_id, report.files)

    async def release(self, run_id: str, attempt: int) -> None:
        """Release the run. Raises StaleAttempt."""
        after = await self._change(
            run_id, attempt, lambda loaded: claim_rules.release(loaded.run, attempt, loaded.now, self._rules)
        )
        self._free_slot(after)

    async def _decide_claim(self, request: ClaimRun, loaded: ClaimableRun | None) -> ClaimAnswer | None:
        if loaded is None:
            return ClaimAnswer()
        decision = await self._require_inherited(
            loaded, claim_rules.claim(loaded.run, request, loaded.now, self._rules)
        )
        if isinstance(decision, ClaimRefusal):
            return ClaimAnswer()
        if not await self._runs.replace(loaded.run, decision.run):
            return None
        if isinstance(decision, ClaimEnd):
            self._free_slot(decision.run)
            return ClaimAnswer()
        metrics.ATTEMPTS.inc(decision.run.attempt - loaded.run.attempt)
        if loaded.run.attempt == 0:
            metrics.QUEUE_SECONDS.observe(ms_between(loaded.run.created_at, loaded.now) / 1000)
        if loaded.spec.replay is None:  # callers wait for the next run
            self._dispatcher.wake()
        return ClaimAnswer(await self._grant(loaded, decision.run, request))

    async def _require_inherited(self, loaded: ClaimableRun, decision: ClaimDecision) -> ClaimDecision:
        """Return `decision`, or the end of a repair whose inherited journal has expired: its blocks would run again."""
        expected = loaded.spec.inherited_entries
        if not expected or not isinstance(decision, ClaimGrant):
            return decision
        if await self._journal.keep_inherited(loaded.run.id) >= expected:
            return decision
        return ClaimEnd(end(loaded.run, Phase.FAILED, loaded.now, self._rules, error=messages.journal_expired()))

    def _apply_report(self, report: FinishRun, loaded: LoadedRun) -> Run:
        outcome, attempt = report.outcome, report.attempt
        status, error = outcome.status, _trimmed(outcome.error) if outcome.error else None
        if status is RunStatus.PAUSED and len(report.pauses) > MAX_PAUSES:
            status, error = RunStatus.FAILED, messages.too_many_pauses(MAX_PAUSES)
        if status is RunStatus.PAUSED:
            reported_at = outcome.ended_at
            return pause(loaded.run, attempt, loaded.now, self._rules, points=report.pauses, reported_at=reported_at)
        return finish(loaded.run, attempt, loaded.now, self._rules, status=status, error=error)

    async def _change(
        self,
        run_id: str,
        attempt: int,
        decide: Callable[[LoadedRun], Run],
        *,
        first: LoadedRun | None = None,
        result: RunResult | None = None,
    ) -> Run:
        async def write(loaded: LoadedRun | None) -> Run | None:
            if loaded is None:
                raise claim_rules.unknown_run(run_id, attempt)
            after = decide(loaded)
            return after if after == loaded.run or await self._runs.replace(loaded.run, after, result) else None

        return await retry_on_conflict(run_id, self._runs.load, write, first=first)

    async def _grant(self, loaded: ClaimableRun, run: Run, request: ClaimRun) -> ClaimGranted:
        remaining = max(0.0, (run.deadline_at - loaded.now).total_seconds()) if run.deadline_at else 0.0
        journal = await self._read_journal(run, loaded.spec, in_pages=request.pages)
        return ClaimGranted(
            run=loaded.spec,
            attempt=run.attempt,
            lease_ms=whole_ms(self._rules.lease),
            remaining_ms=round(remaining * 1000),
            journal=journal.entries,
            state=loaded.state,
            answers=answers_of(run),
            more_behind=journal.more_behind,
            ticket=self._signer.sign_run(loaded.spec, seconds=remaining + self._rules.grace.total_seconds()),
        )

    async def _read_journal(self, run: Run, spec: RunSpec, *, in_pages: bool) -> JournalPage:
        """Return the journal, or its first page."""
        if run.attempt == 1 and not spec.inherited_entries:
            return JournalPage()
        page = await self._journal.read(run.id)
        while page.more_behind is not None and not in_pages:
            further = await self._journal.read(run.id, page.more_behind)
            page = JournalPage(page.entries + further.entries, further.more_behind)
        return page

    async def _result(self, loaded: LoadedRun, report: FinishRun) -> RunResult:
        workspace_id, started_at = loaded.run.workspace_id, loaded.run.started_at
        return RunResult(
            output=await self._payloads.fit(workspace_id, report.outcome.output),
            blocks=await self._payloads.pack(workspace_id, report.blocks) if report.blocks else None,
            usage=report.usage,
            duration_ms=None if started_at is None else ms_between(started_at, loaded.now),
            # Workers report no blocks of a run whose values must not be stored.
            words=words_of(workspace_id, report.outcome, report.blocks) if report.blocks else NO_WORDS,
        )

    def _free_slot(self, run: Run) -> None:
        """Wake the dispatcher for the freed slot, and end an ended run's journal. An ended replay frees no slot."""
        if run.phase.is_terminal:
            metrics.ENDED.labels(run.status.value).inc()
            self._journal_cleaner.end_journal(run)
        if not (run.is_replay and run.phase.is_terminal):
            self._dispatcher.wake()


def _trimmed(error: RunError) -> RunError:
    return msgspec.structs.replace(error, message=error.message[:MAX_ERROR_CHARS])


LONG_BYTES: Final = 1024 * 1024
LONG_AT_ONCE: Final = 4
"""Limit for concurrent long appends. Each may have 16 MiB, and is in memory three times until it is stored."""
RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]
Number = Annotated[int, Query(ge=0, le=2**31)]


def claim_routers(
    claim_service: ClaimService, journal_service: JournalService, tokens: ServiceTokens, checks: TicketChecks
) -> Sequence[APIRouter]:
    """Return the executor's routes: a claim returns the run's ticket, which all other routes require."""
    holder = checks.access(ServiceName.EXECUTOR)

    async def holds(run_id: RunId, access: Annotated[RunAccess, Depends(holder)]) -> None:
        access.require(run_id=run_id)

    prefix = "/internal/runs/{run_id}"
    claims = APIRouter(prefix=prefix, dependencies=[Depends(only(tokens, ServiceName.EXECUTOR))])
    router = APIRouter(prefix=prefix, dependencies=[Depends(holds)])
    read_appended = struct_body(AppendJournal)
    long_appends = asyncio.Semaphore(LONG_AT_ONCE)

    @claims.post("/claim")
    async def claim(run_id: RunId, request: Annotated[ClaimRun, Depends(struct_body(ClaimRun))]) -> Response:
        return StructResponse(await claim_service.claim(run_id, request))

    @router.post("/lease")
    async def renew(run_id: RunId, held: Annotated[RenewLease, Depends(struct_body(RenewLease))]) -> Response:
        return StructResponse(await claim_service.renew(run_id, held.attempt))

    @router.post("/journal", status_code=204)
    async def append(run_id: RunId, request: Request) -> None:
        is_long = int(request.headers.get("content-length", 0)) > LONG_BYTES
        async with long_appends if is_long else nullcontext():
            await journal_service.append(run_id, await read_appended(request))

    @router.get("/journal")
    async def read(run_id: RunId, attempt: Number, index: Number, written_by: Number) -> Response:
        return StructResponse(await journal_service.page(run_id, attempt, JournalPosition(index, written_by)))

    @router.post("/finish", status_code=204)
    async def finish(run_id: RunId, report: Annotated[FinishRun, Depends(struct_body(FinishRun))]) -> None:
        await claim_service.finish(run_id, report)

    @router.post("/release", status_code=204)
    async def release(run_id: RunId, held: Annotated[ReleaseRun, Depends(struct_body(ReleaseRun))]) -> None:
        await claim_service.release(run_id, held.attempt)

    return claims, router
