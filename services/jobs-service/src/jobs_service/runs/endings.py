"""How runs end: a worker reports, or somebody cancels. The first end wins."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jobs_service.runs import messages as texts
from jobs_service.runs.leases import require_held
from jobs_service.runs.pauses import put_aside
from jobs_service.runs.run import Phase, Rules, Run, end
from shared.contracts.cancels import CancelReason
from shared.contracts.outcomes import RunError
from shared.contracts.pauses import PausePoint
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, InvalidRequest

_PHASE_OF: Final = {
    RunStatus.COMPLETED: Phase.COMPLETED,
    RunStatus.FAILED: Phase.FAILED,
    RunStatus.CANCELLED: Phase.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The run after a cancel, and what the cancel found. `tell_worker` says that somebody may be at work on it."""

    run: Run
    reason: CancelReason
    tell_worker: bool = False
    was_paused: bool = False


def outcome_phase(status: RunStatus) -> Phase:
    """The phase that a reported status leads to. Raises InvalidRequest for one that is no outcome."""
    try:
        return _PHASE_OF[status]
    except KeyError:
        raise InvalidRequest(f"{status} is no outcome of a run") from None


def finish(
    run: Run, attempt: int, now: datetime, rules: Rules, *, status: RunStatus, error: RunError | None = None
) -> Run:
    """The attempt reports its end; unchanged when it had reported before. Raises StaleAttempt, InvalidRequest."""
    phase = outcome_phase(status)
    if run.phase.is_terminal and run.ended_by == attempt:
        return run
    require_held(run, attempt)
    return end(run, phase, now, rules, error=error, by=attempt)


def pause(
    run: Run, attempt: int, now: datetime, rules: Rules, *, points: tuple[PausePoint, ...], reported_at: datetime
) -> Run:
    """The attempt reports what the run waits for; unchanged when it had reported before. Raises StaleAttempt."""
    if run.paused_at is not None and run.attempt == attempt:
        return run
    require_held(run, attempt)
    if run.cancel_requested:
        return end(run, Phase.CANCELLED, now, rules, error=texts.cancelled(), by=attempt)
    return put_aside(run, points, reported_at, now, rules)


def cancel(run: Run, now: datetime, rules: Rules) -> Cancelled:
    """Somebody wants the run to stop.

    A run at work is asked to; its worker, or the reaper, ends it. Everything else ends at once. An attached run has no
    lease that would tell whether anybody works on it, so from its cancel on it has as long to say that it stopped.
    Raises Conflict when it is over already.
    """
    if run.phase is Phase.CANCELLED or run.cancel_requested:
        return Cancelled(run, CancelReason.ALREADY_CANCELLED, tell_worker=not run.phase.is_terminal)
    if run.phase.is_terminal:
        raise Conflict(f"Execution cannot be cancelled while {run.phase}")
    if run.phase in (Phase.PROCESSING, Phase.ATTACHED):
        due_at = now + rules.lease if run.phase is Phase.ATTACHED else run.due_at
        asked = replace(run, cancel_requested=True, due_at=due_at)
        return Cancelled(asked, CancelReason.RECORDED, tell_worker=True)
    queued = run.status is RunStatus.QUEUED
    ended = end(run, Phase.CANCELLED, now, rules, error=texts.cancelled())
    reason = CancelReason.QUEUE_CANCELLED if queued else CancelReason.RECORDED
    return Cancelled(ended, reason, was_paused=run.phase is Phase.PAUSED)
