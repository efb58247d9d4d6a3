"""Ends of runs: a worker's report or a cancel. The first one wins."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jobs_service.runs import messages
from jobs_service.runs.claim_rules import require_held
from jobs_service.runs.pauses import suspend
from jobs_service.runs.run import Phase, Rules, Run, end
from shared.contracts.jobs import CancelReason, PausePoint
from shared.contracts.runs import RunError, RunStatus
from shared.errors import Conflict, InvalidRequest

_PHASE_OF: Final = {
    RunStatus.COMPLETED: Phase.COMPLETED,
    RunStatus.FAILED: Phase.FAILED,
    RunStatus.CANCELLED: Phase.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class CancelResult:
    """The run after a cancel, and the cancel's result. `notify_worker`: a worker may be executing the run."""

    run: Run
    reason: CancelReason
    notify_worker: bool = False
    was_paused: bool = False


def outcome_phase(status: RunStatus) -> Phase:
    """Return the phase of a reported status. Raises InvalidRequest if it is no outcome."""
    try:
        return _PHASE_OF[status]
    except KeyError:
        raise InvalidRequest(f"A run cannot end with status {status}") from None


def finish(
    run: Run, attempt: int, now: datetime, rules: Rules, *, status: RunStatus, error: RunError | None = None
) -> Run:
    """End the run as its attempt reports; unchanged if already reported. Raises StaleAttempt, InvalidRequest."""
    phase = outcome_phase(status)
    if run.phase.is_terminal and run.ended_by == attempt:
        return run
    require_held(run, attempt)
    return end(run, phase, now, rules, error=error, by=attempt)


def pause(
    run: Run, attempt: int, now: datetime, rules: Rules, *, points: tuple[PausePoint, ...], reported_at: datetime
) -> Run:
    """Pause the run as its attempt reports; unchanged if already reported. Raises StaleAttempt."""
    if run.paused_at is not None and run.attempt == attempt:
        return run
    require_held(run, attempt)
    if run.cancel_requested:
        return end(run, Phase.CANCELLED, now, rules, error=messages.cancelled(), by=attempt)
    return suspend(run, points, reported_at, now, rules)


def cancel(run: Run, now: datetime, rules: Rules) -> CancelResult:
    """Cancel a run.

    A run in progress gets a cancel request, and its worker or the reaper ends it. Others end immediately. The worker of
    an attached run has one lease to report the stop. Raises Conflict if the run has ended.
    """
    if run.phase is Phase.CANCELLED or run.cancel_requested:
        return CancelResult(run, CancelReason.ALREADY_CANCELLED, notify_worker=not run.phase.is_terminal)
    if run.phase.is_terminal:
        raise Conflict(f"Execution cannot be cancelled while {run.phase}")
    if run.phase in (Phase.PROCESSING, Phase.ATTACHED):
        due_at = now + rules.lease if run.phase is Phase.ATTACHED else run.due_at
        request = replace(run, cancel_requested=True, due_at=due_at)
        return CancelResult(request, CancelReason.RECORDED, notify_worker=True)
    queued = run.status is RunStatus.QUEUED
    ended = end(run, Phase.CANCELLED, now, rules, error=messages.cancelled())
    reason = CancelReason.QUEUE_CANCELLED if queued else CancelReason.RECORDED
    return CancelResult(ended, reason, was_paused=run.phase is Phase.PAUSED)
