"""Pauses of runs for a person or a time. A paused run holds no worker, and its time limit stops."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from jobs_service.runs import run as messages
from jobs_service.runs.run import Pause, Phase, Rules, Run, end, run_of, transition, with_expiry
from shared.contracts.claims import ClaimRun
from shared.contracts.dead_letters import RedriveRun
from shared.contracts.jobs import CancelReason, PauseKind, PausePoint, PauseRun
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.repairs import RepairRun
from shared.contracts.runs import RunError, RunMode, RunSpec, RunStatus
from shared.errors import Conflict, InvalidRequest, NotFound, PayloadTooLarge, StaleAttempt

MAX_ANSWER_BYTES: Final = 256 * 1024
MAX_ANSWERS_BYTES: Final = 4 * 1024 * 1024
"""Limit for one run's answers that no worker has taken."""
MAX_PAUSES: Final = 10_000
_LONGEST_WAIT: Final = timedelta(days=3_650)
"""Longer than any run may wait, and far from the last date that a datetime can hold."""
TIMED_OUT: Final = msgspec.Raw(b"{}")


def suspend(run: Run, points: tuple[PausePoint, ...], reported_at: datetime, now: datetime, rules: Rules) -> Run:
    """Pause `run` at `points`; where one is already answered, make the run ready for redispatch.

    `reported_at` is the worker's time now. A known pause keeps its time and answer.
    """
    known = {pause.point.context_id: pause for pause in run.pauses}
    pauses = tuple(known.get(point.context_id) or _new_pause(point, reported_at, now) for point in points)
    waiting = transition(
        run, Phase.PAUSED, pauses=pauses, paused_at=now, worker_id=None, claim_id=None, held_dispatch_id=None
    )
    return _next_phase(waiting, rules)


def answer(run: Run, context_id: str, given: msgspec.Raw, rules: Rules) -> Run:
    """End one pause of `run` with a person's answer. The first answer counts.

    Raises NotFound, Conflict, PayloadTooLarge.
    """
    if run.phase.is_terminal:
        raise Conflict(f"Execution cannot be resumed while {run.phase}")
    pause = next((each for each in run.pauses if each.point.context_id == context_id), None)
    if pause is None:
        raise NotFound("Pause context not found")
    if pause.is_answered:
        raise Conflict("Pause context has already been resumed")
    if pause.point.kind is not PauseKind.HUMAN:
        raise Conflict("This pause does not accept an answer: it ends at its scheduled time")
    _require_room(run, given)
    answered = replace(run, pauses=tuple(_answered(each, given) if each is pause else each for each in run.pauses))
    return _next_phase(answered, rules) if run.phase is Phase.PAUSED else answered


def resume_due(run: Run, now: datetime, rules: Rules) -> Run:
    """Continue a paused run that is due, or end it if it has waited too long for an answer."""
    pauses = tuple(_answered(pause, TIMED_OUT) if _is_due(pause, now) else pause for pause in run.pauses)
    if pauses == run.pauses and _gives_up_at(run, rules) <= now:
        is_old = run.created_at + rules.age <= now
        error = messages.too_old(rules.age) if is_old else messages.never_resumed(rules.pause)
        return end(run, Phase.FAILED, now, rules, error=error)
    return _next_phase(replace(run, pauses=pauses), rules)


def extend_deadline(run: Run, now: datetime) -> Run:
    """Return `run` with its time limit extended by its pause."""
    if run.paused_at is None:
        return run
    deadline_at = None if run.deadline_at is None else run.deadline_at + (now - run.paused_at)
    return replace(run, paused_at=None, deadline_at=deadline_at)


def answers_of(run: Run) -> dict[str, msgspec.Raw]:
    """Return the answers for a worker, by context id."""
    return {pause.point.context_id: pause.answer for pause in run.pauses if pause.is_answered}


def _new_pause(point: PausePoint, reported_at: datetime, now: datetime) -> Pause:
    if point.resume_at is None:
        return Pause(point)
    return Pause(point, now + min(point.resume_at - reported_at, _LONGEST_WAIT))


def _next_phase(run: Run, rules: Rules) -> Run:
    if any(pause.is_answered for pause in run.pauses):
        return transition(run, Phase.REQUEUED, due_at=None)
    due_times = [pause.due_at for pause in run.pauses if pause.due_at is not None]
    return replace(run, due_at=min([*due_times, _gives_up_at(run, rules)]))


def _gives_up_at(run: Run, rules: Rules) -> datetime:
    return min((run.paused_at or run.created_at) + rules.pause, run.created_at + rules.age)


def _is_due(pause: Pause, now: datetime) -> bool:
    return not pause.is_answered and pause.due_at is not None and pause.due_at <= now


def _answered(pause: Pause, given: msgspec.Raw) -> Pause:
    return msgspec.structs.replace(pause, answer=given)


def _require_room(run: Run, given: msgspec.Raw) -> None:
    size = len(bytes(given))
    held = sum(len(bytes(pause.answer)) for pause in run.pauses)
    if size > MAX_ANSWER_BYTES or held + size > MAX_ANSWERS_BYTES:
        raise PayloadTooLarge(f"An answer may have at most {MAX_ANSWER_BYTES} bytes")


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
        return resume_due(run, now, rules)
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
    run = extend_deadline(waiting, now)
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


SILENCE_MARGIN: Final = timedelta(minutes=10)
"""Records may be late; a run counts as lost only when silent this long past its time limit."""
LONGEST_RUN_MS: Final = 604_800_000
"""The longest time limit that a gateway can be configured to give."""
LONGEST_LOGS_MS: Final = 3_650 * 86_400_000
"""Likewise for the retention of logs."""


def start_attached(record: RunBegan, now: datetime) -> Run:
    """Return the run after its first record."""
    spec = record.run
    due_at = now + timedelta(milliseconds=spec.time_limit_ms) + SILENCE_MARGIN
    return replace(_attached(spec, record.started_at), due_at=due_at)


def finish_attached(record: RunRecorded, now: datetime, rules: Rules) -> Run:
    """Return the run after its last record. Raises InvalidRequest for an unknown outcome."""
    outcome = record.outcome
    phase = outcome_phase(outcome.status)
    run = replace(_attached(record.run, outcome.started_at), phase=phase, error=outcome.error)
    run = with_expiry(run, now, rules)
    return replace(run, ended_at=outcome.ended_at, ended_by=run.attempt)


def pause_attached(report: PauseRun, now: datetime, rules: Rules, *, valid_until: datetime | None = None) -> Run:
    """Return the run at its first pause, which makes it durable.

    Its time limit ends no later than the worker's ticket, which is valid until `valid_until`: the worker reports the
    limit, and later tickets depend on it. Raises InvalidRequest for a limit or a duration out of range.
    """
    outcome, limit_ms = report.outcome, report.run.time_limit_ms
    if not (0 < limit_ms <= LONGEST_RUN_MS and 0 <= outcome.duration_ms <= LONGEST_RUN_MS):
        raise InvalidRequest(f"time_limit_ms must be 1 to {LONGEST_RUN_MS}, and duration_ms 0 to {LONGEST_RUN_MS}")
    if not 0 <= report.run.log_retention_ms <= LONGEST_LOGS_MS:
        raise InvalidRequest(f"log_retention_ms must be 0 to {LONGEST_LOGS_MS}")
    began_at = now - timedelta(milliseconds=outcome.duration_ms)
    run = _attached(report.run, began_at)
    deadline_at = began_at + run.time_limit
    run = replace(run, deadline_at=min(deadline_at, valid_until or deadline_at))
    return suspend(run, report.pauses, outcome.ended_at, now, rules)


def _attached(spec: RunSpec, started_at: datetime) -> Run:
    return run_of(spec, Phase.ATTACHED, started_at, started_at=started_at, attempt=1)


def owned_by_caller(spec: RunSpec, request: RedriveRun | RepairRun) -> RunSpec:
    """Return the spec of a queued run with the identity, access to files and retention of the caller of `request`."""
    retention = request.log_retention_ms
    return msgspec.structs.replace(
        spec,
        mode=RunMode.ASYNC,
        listener=None,
        actor_id=request.actor_id,
        caller_name=request.caller_name,
        user_id=request.user_id,
        file_scope=request.file_scope,
        log_retention_ms=spec.log_retention_ms if retention is None else retention,
        traceparent=request.traceparent,
    )
