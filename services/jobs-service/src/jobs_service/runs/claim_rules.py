"""Claims, lost workers and releases of runs. Attempts fence writes; leases detect lost workers."""

from dataclasses import dataclass, replace
from datetime import datetime

from jobs_service.runs import messages, pauses
from jobs_service.runs.run import Phase, Rules, Run, end, transition
from shared.contracts.claims import ClaimRun
from shared.errors import StaleAttempt


@dataclass(frozen=True, slots=True)
class ClaimGrant:
    """The claim succeeded; `run` is the result."""

    run: Run


@dataclass(frozen=True, slots=True)
class ClaimEnd:
    """The run cannot continue: it ends now."""

    run: Run


@dataclass(frozen=True, slots=True)
class ClaimRefusal:
    """Another worker holds the run, or it needs none: the worker drops the message."""


ClaimDecision = ClaimGrant | ClaimEnd | ClaimRefusal


def claim(run: Run, request: ClaimRun, now: datetime, rules: Rules) -> ClaimDecision:
    """Decide a worker's claim.

    A dispatched run is granted to a worker that received one of its messages. A requeued run is granted only after its
    next dispatch, since its former worker could repeat a claim with an earlier dispatch id. A run in progress is
    granted only to a redelivery of the message with which its worker claimed it: the broker redelivers after it has
    lost the worker. Only the reaper, which detects clock jumps, decides that a lease has expired. A repeated claim,
    whose response was lost, gets the same response and does not count as an attempt.
    """
    if run.phase is Phase.DISPATCHED and run.is_dispatch(request.dispatch_id):
        return _grant_or_end(run, request, now, rules)
    if run.phase is not Phase.PROCESSING:
        return ClaimRefusal()
    if request.claim_id is not None and request.claim_id == run.claim_id:
        return ClaimGrant(renewed(run, now, rules))
    if request.redelivered and request.dispatch_id == run.held_dispatch_id:
        return _grant_or_end(replace(run, losses=run.losses + 1), request, now, rules)
    return ClaimRefusal()


def overdue(run: Run, now: datetime, rules: Rules) -> Run:
    """Return an overdue run's next state: ended, or available to a worker."""
    if run.phase is Phase.ATTACHED:
        is_late = run.started_at is None or run.started_at + run.time_limit <= now
        error = messages.stuck(run.limit_text_ms) if is_late else messages.worker_lost()
        return _ended(run, now, rules) or end(run, Phase.FAILED, now, rules, error=error)
    if run.phase is Phase.PAUSED:
        return pauses.resume_due(run, now, rules)
    counted = replace(run, losses=run.losses + 1) if run.phase is Phase.PROCESSING else run
    ended = _ended(counted, now, rules)
    if ended is not None:
        return ended
    return requeued(counted, rules) if run.phase is Phase.PROCESSING else run


def release(run: Run, attempt: int, now: datetime, rules: Rules) -> Run:
    """Release `run`, without counting a loss. Raises StaleAttempt."""
    if run.phase is Phase.REQUEUED and run.attempt == attempt:
        return run
    require_held(run, attempt)
    if run.cancel_requested:
        return end(run, Phase.CANCELLED, now, rules, error=messages.cancelled())
    return requeued(run, rules)


def requeued(run: Run, rules: Rules) -> Run:
    """Return `run` without a worker, to be redispatched; its time limit continues."""
    give_up_at = run.deadline_at + rules.grace if run.deadline_at else None
    return transition(run, Phase.REQUEUED, due_at=give_up_at, worker_id=None, claim_id=None, held_dispatch_id=None)


def renewed(run: Run, now: datetime, rules: Rules) -> Run:
    """Return `run` with a new lease, never longer than its time limit and grace."""
    give_up_at = (run.deadline_at or now) + rules.grace
    return replace(run, due_at=min(now + rules.lease, give_up_at))


def renew(run: Run, attempt: int, now: datetime, rules: Rules) -> Run:
    """Renew the lease of `attempt`. Raises StaleAttempt."""
    require_held(run, attempt)
    return renewed(run, now, rules)


def expires_soon(run: Run, now: datetime, rules: Rules) -> bool:
    """Return whether less than half of a lease is left: too little to start something."""
    return run.due_at is None or run.due_at - now < rules.lease / 2


def require_held(run: Run, attempt: int) -> None:
    """Raise StaleAttempt unless `attempt` holds the run."""
    if run.phase is not Phase.PROCESSING or run.attempt != attempt:
        raise StaleAttempt(f"Attempt {attempt} does not hold run {run.id}")


def unknown_run(run_id: str, attempt: int) -> StaleAttempt:
    """Return the error for an attempt at a deleted or unknown run."""
    return StaleAttempt(f"Attempt {attempt} does not hold run {run_id}: the run does not exist")


def _grant_or_end(waiting: Run, request: ClaimRun, now: datetime, rules: Rules) -> ClaimDecision:
    run = pauses.extend_deadline(waiting, now)
    ended = _ended(run, now, rules)
    if ended is not None:
        return ClaimEnd(ended)
    started_at = run.started_at or now
    granted = transition(
        run,
        Phase.PROCESSING,
        attempt=run.attempt + 1,
        dispatches=0,
        dispatch_ids=(),
        held_dispatch_id=request.dispatch_id,
        worker_id=request.worker_id,
        claim_id=request.claim_id,
        started_at=started_at,
        deadline_at=run.deadline_at or started_at + run.time_limit,
    )
    return ClaimGrant(renewed(granted, now, rules))


def _ended(run: Run, now: datetime, rules: Rules) -> Run | None:
    if run.cancel_requested:
        return end(run, Phase.CANCELLED, now, rules, error=messages.cancelled())
    if run.deadline_at is not None and run.deadline_at <= now:
        return end(run, Phase.FAILED, now, rules, error=messages.timed_out(run.limit_text_ms))
    if run.created_at + rules.age <= now:
        return end(run, Phase.FAILED, now, rules, error=messages.too_old(rules.age))
    if run.losses >= rules.attempt_limit:
        return end(run, Phase.FAILED, now, rules, error=messages.attempts_exhausted(run.losses))
    return None
