"""Pauses of runs for a person or a time. A paused run holds no worker, and its time limit stops."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from jobs_service.runs import messages
from jobs_service.runs.run import Pause, Phase, Rules, Run, end, transition
from shared.contracts.jobs import PauseKind, PausePoint
from shared.errors import Conflict, NotFound, PayloadTooLarge

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
