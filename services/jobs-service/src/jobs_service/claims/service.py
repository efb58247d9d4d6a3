"""Claims of durable runs: claim, renew, finish, release."""

from collections.abc import Callable
from functools import partial

import msgspec

from jobs_service import metrics
from jobs_service.journal.cleanup import Tidying
from jobs_service.journal.ports import Journal
from jobs_service.leadership.loops import Bell
from jobs_service.pauses.service import Pausing
from jobs_service.payloads.service import Payloads
from jobs_service.runs import leases
from jobs_service.runs import messages as texts
from jobs_service.runs.conflicts import written_over
from jobs_service.runs.endings import finish, pause
from jobs_service.runs.leases import EndedInstead, Refused
from jobs_service.runs.pauses import MAX_PAUSES, answers_of
from jobs_service.runs.ports import Claimable, Result, Runs, Seen
from jobs_service.runs.run import Rules, Run
from shared.clock import ms_between, whole_ms
from shared.contracts.claims import ClaimAnswer, ClaimGranted, ClaimRun, FinishRun, JournalPage, LeaseAnswer
from shared.contracts.outcomes import MAX_ERROR_CHARS, RunError
from shared.contracts.runs import RunStatus
from shared.observe.logging import get_logger
from shared.security.run_tickets import TicketSigner

log = get_logger("working")


class Working:
    """Run claims of workers. The attempt fences every write."""

    def __init__(
        self,
        *,
        runs: Runs,
        journal: Journal,
        payloads: Payloads,
        pausing: Pausing,
        tidying: Tidying,
        rules: Rules,
        dispatcher: Bell,
        signer: TicketSigner,
    ) -> None:
        self._runs = runs
        self._journal = journal
        self._payloads = payloads
        self._pausing = pausing
        self._tidying = tidying
        self._rules = rules
        self._dispatcher = dispatcher
        self._signer = signer

    async def claim(self, run_id: str, asked: ClaimRun) -> ClaimAnswer:
        """Decide a claim. Not granted: the worker must acknowledge and drop the message."""
        return await written_over(run_id, self._runs.claimable, partial(self._claimed, asked))

    async def renew(self, run_id: str, attempt: int) -> LeaseAnswer:
        """Renew the lease. Raises StaleAttempt."""
        if await self._runs.renew(run_id, attempt):
            return LeaseAnswer(cancelled=False)
        renewed = await self._change(
            run_id, attempt, lambda seen: leases.renew(seen.run, attempt, seen.now, self._rules)
        )
        return LeaseAnswer(renewed.cancel_requested)

    async def finish(self, run_id: str, report: FinishRun) -> None:
        """Store the attempt's outcome. Raises StaleAttempt, InvalidRequest."""
        seen = await self._runs.load(run_id)
        if seen is None:
            raise leases.unknown(run_id, report.attempt)
        decide = partial(self._concluded, report)
        after = seen.run
        if decide(seen) != after:
            result = await self._result(seen, report)
            after = await self._change(run_id, report.attempt, decide, first=seen, result=result)
            self._concludes(after)
        if not after.phase.is_terminal:  # on a repeated report, too: the first may not have reached this point
            await self._pausing.keep(run_id, report.files)

    async def release(self, run_id: str, attempt: int) -> None:
        """Release the run. Raises StaleAttempt."""
        after = await self._change(
            run_id, attempt, lambda seen: leases.release(seen.run, attempt, seen.now, self._rules)
        )
        self._concludes(after)

    async def _claimed(self, asked: ClaimRun, seen: Claimable | None) -> ClaimAnswer | None:
        if seen is None:
            return ClaimAnswer()
        verdict = leases.claim(seen.run, asked, seen.now, self._rules)
        if isinstance(verdict, Refused):
            return ClaimAnswer()
        if not await self._runs.replace(seen.run, verdict.run):
            return None
        if isinstance(verdict, EndedInstead):
            self._concludes(verdict.run)
            return ClaimAnswer()
        metrics.ATTEMPTS.inc(verdict.run.attempt - seen.run.attempt)
        if seen.run.attempt == 0:
            metrics.QUEUE_SECONDS.observe(ms_between(seen.run.created_at, seen.now) / 1000)
        self._dispatcher.ring()
        return ClaimAnswer(await self._grant(seen, verdict.run, asked))

    def _concluded(self, report: FinishRun, seen: Seen) -> Run:
        outcome, attempt = report.outcome, report.attempt
        status, error = outcome.status, _trimmed(outcome.error) if outcome.error else None
        if status is RunStatus.PAUSED and len(report.pauses) > MAX_PAUSES:
            status, error = RunStatus.FAILED, texts.too_many_pauses(MAX_PAUSES)
        if status is RunStatus.PAUSED:
            reported_at = outcome.ended_at
            return pause(seen.run, attempt, seen.now, self._rules, points=report.pauses, reported_at=reported_at)
        return finish(seen.run, attempt, seen.now, self._rules, status=status, error=error)

    async def _change(
        self,
        run_id: str,
        attempt: int,
        decide: Callable[[Seen], Run],
        *,
        first: Seen | None = None,
        result: Result | None = None,
    ) -> Run:
        async def write(seen: Seen | None) -> Run | None:
            if seen is None:
                raise leases.unknown(run_id, attempt)
            after = decide(seen)
            return after if after == seen.run or await self._runs.replace(seen.run, after, result) else None

        return await written_over(run_id, self._runs.load, write, first=first)

    async def _grant(self, seen: Claimable, run: Run, asked: ClaimRun) -> ClaimGranted:
        remaining = max(0.0, (run.deadline_at - seen.now).total_seconds()) if run.deadline_at else 0.0
        journal = await self._past(run, in_pages=asked.pages)
        return ClaimGranted(
            run=seen.spec,
            attempt=run.attempt,
            lease_ms=whole_ms(self._rules.lease),
            remaining_ms=round(remaining * 1000),
            journal=journal.entries,
            state=seen.state,
            answers=answers_of(run),
            more_behind=journal.more_behind,
            ticket=self._signer.sign_run(seen.spec, seconds=remaining + self._rules.grace.total_seconds()),
        )

    async def _past(self, run: Run, *, in_pages: bool) -> JournalPage:
        """Return the journal, or its first page."""
        if run.attempt == 1:
            return JournalPage()
        page = await self._journal.read(run.id)
        while page.more_behind is not None and not in_pages:
            further = await self._journal.read(run.id, page.more_behind)
            page = JournalPage(page.entries + further.entries, further.more_behind)
        return page

    async def _result(self, seen: Seen, report: FinishRun) -> Result:
        workspace_id, started_at = seen.run.workspace_id, seen.run.started_at
        return Result(
            output=await self._payloads.fit(workspace_id, report.outcome.output),
            blocks=await self._payloads.pack(workspace_id, report.blocks) if report.blocks else None,
            usage=report.usage,
            duration_ms=None if started_at is None else ms_between(started_at, seen.now),
        )

    def _concludes(self, run: Run) -> None:
        """Wake the dispatcher for the freed slot, and discard an ended run's journal."""
        if run.phase.is_terminal:
            metrics.ENDED.labels(run.status.value).inc()
            self._tidying.discard_journal(run.id)
        self._dispatcher.ring()


def _trimmed(error: RunError) -> RunError:
    return msgspec.structs.replace(error, message=error.message[:MAX_ERROR_CHARS])
