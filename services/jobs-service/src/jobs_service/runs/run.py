"""A run in jobs-service: its phases are finer than the callers' statuses and only move forward."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.jobs import PausePoint
from shared.contracts.runs import WORKER_LOST, ErrorCode, RunError, RunSpec, RunStatus, timeout_message
from shared.errors import RunIdTaken


class Phase(StrEnum):
    """Phase of a run."""

    RESERVED = "reserved"
    """Id taken for an attached run that has not started."""
    ATTACHED = "attached"
    """In progress for a waiting caller; never taken by another worker."""
    WAITING = "waiting"
    DISPATCHED = "dispatched"
    """Published but unclaimed."""
    PROCESSING = "processing"
    REQUEUED = "requeued"
    """Started before, now without a worker, to be redispatched."""
    PAUSED = "paused"
    """Waiting for a person or a time; no worker holds it."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Return whether no phase can follow."""
        return not NEXT[self]


_PAUSES_IN_AGE: Final = 6
_ENDS: Final = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED})

NEXT: Final[Mapping[Phase, frozenset[Phase]]] = {
    Phase.RESERVED: frozenset({Phase.ATTACHED, Phase.PAUSED}) | _ENDS,
    Phase.ATTACHED: frozenset({Phase.PAUSED}) | _ENDS,
    Phase.WAITING: frozenset({Phase.DISPATCHED, Phase.CANCELLED}),
    Phase.DISPATCHED: frozenset({Phase.DISPATCHED, Phase.PROCESSING, Phase.FAILED, Phase.CANCELLED}),
    Phase.PROCESSING: frozenset({Phase.PROCESSING, Phase.REQUEUED, Phase.PAUSED}) | _ENDS,
    Phase.REQUEUED: frozenset({Phase.DISPATCHED, Phase.FAILED, Phase.CANCELLED}),
    Phase.PAUSED: frozenset({Phase.REQUEUED, Phase.FAILED, Phase.CANCELLED}),
    Phase.COMPLETED: frozenset(),
    Phase.FAILED: frozenset(),
    Phase.CANCELLED: frozenset(),
}
"""Phases that may follow each phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Limits on runs."""

    lease: timedelta
    """How long a worker may be silent."""
    retention: timedelta
    """How long a result is available after the run's end."""
    grace: timedelta
    """Time past its limit before jobs-service ends a run."""
    attempt_limit: int
    """How many workers a run may lose."""
    pause: timedelta
    """How long a run waits for an answer."""

    @property
    def age(self) -> timedelta:
        """Return a run's maximum duration including pauses; no worker gets a longer ticket."""
        return _PAUSES_IN_AGE * self.pause


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pause of a run. At `due_at` it ends without an answer."""

    point: PausePoint
    due_at: datetime | None = None
    answer: msgspec.Raw = msgspec.Raw()
    """JSON object that answers it, until a worker has taken it; empty before."""

    @property
    def is_answered(self) -> bool:
        """Return whether it has ended and a worker can take its answer."""
        return bool(bytes(self.answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """State of a run. All times are the store's."""

    id: str
    workspace_id: str
    workflow_id: str
    phase: Phase
    time_limit_ms: int
    limit_text_ms: int
    """Time limit shown in the timeout message."""
    log_retention_ms: int = 0
    """How long logs contain it after its end, if longer than its result."""
    keeps_journal: bool = False
    """Whether its journal stays after a failure, so that the run can be repaired."""
    created_at: datetime
    revision: int = 0
    """Increases with every write."""
    attempt: int = 0
    """Fencing token: the number of the current attempt, or of the last one."""
    losses: int = 0
    """Number of lost workers."""
    dispatch_id: str | None = None
    dispatch_ids: tuple[str, ...] = ()
    """Dispatches since the last claim, latest last: any of their messages may arrive first."""
    dispatches: int = 0
    """Number of publications since the last claim."""
    held_dispatch_id: str | None = None
    """Dispatch by which the current worker claimed it."""
    worker_id: str | None = None
    claim_id: str | None = None
    """Claim granted to that worker."""
    due_at: datetime | None = None
    """Time of the next check: end of the lease, of the time limit, or of a pause."""
    started_at: datetime | None = None
    deadline_at: datetime | None = None
    ended_at: datetime | None = None
    result_until: datetime | None = None
    """When callers no longer find it; only the logs contain it."""
    expires_at: datetime | None = None
    """When nothing of it remains."""
    ended_by: int | None = None
    """Attempt that reported the end; None if jobs-service ended it."""
    cancel_requested: bool = False
    error: RunError | None = None
    pauses: tuple[Pause, ...] = ()
    paused_at: datetime | None = None
    """Start of the pause; None while in progress. Its time limit stops."""
    trigger: str = ""
    version: int | None = None
    """None for a run of a draft."""
    is_replay: bool = False
    """Whether it replays a recorded run for a set, so that no caller waits for it."""

    @property
    def status(self) -> RunStatus:
        """Return the status for callers: a started run is never queued again."""
        match self.phase:
            case Phase.RESERVED | Phase.WAITING:
                return RunStatus.QUEUED
            case Phase.ATTACHED:
                return RunStatus.PROCESSING
            case Phase.DISPATCHED | Phase.REQUEUED:
                return RunStatus.PROCESSING if self.attempt else RunStatus.QUEUED
            case phase:
                return RunStatus(phase.value)

    @property
    def time_limit(self) -> timedelta:
        """Return the time limit for all attempts together."""
        return timedelta(milliseconds=self.time_limit_ms)

    def is_dispatch(self, dispatch_id: str) -> bool:
        """Return whether this id dispatched the run since the last claim. Earlier versions store the latest id only."""
        return dispatch_id == self.dispatch_id or dispatch_id in self.dispatch_ids

    def is_expired(self, now: datetime) -> bool:
        """Return whether callers no longer find the run."""
        return any(moment is not None and moment <= now for moment in (self.result_until, self.expires_at))

    @property
    def has_kept_journal(self) -> bool:
        """Return whether the run has ended and its journal stays as long as the run."""
        return self.keeps_journal and self.phase is Phase.FAILED


def run_of(spec: RunSpec, phase: Phase, created_at: datetime, **known: Any) -> Run:
    """Return a new run from its specification; `known` sets further fields."""
    return Run(
        id=spec.run_id,
        workspace_id=spec.snapshot.workspace_id,
        workflow_id=spec.snapshot.workflow_id,
        phase=phase,
        time_limit_ms=spec.time_limit_ms,
        limit_text_ms=spec.time_limit_text_ms or spec.time_limit_ms,
        log_retention_ms=spec.log_retention_ms,
        created_at=created_at,
        trigger=spec.trigger.value,
        version=spec.snapshot.version,
        is_replay=spec.replay is not None and spec.replay.set_id is not None,
        **known,
    )


def id_taken(run_id: str) -> RunIdTaken:
    """Return the error for an id already used."""
    return RunIdTaken(f"Run id {run_id} is already in use")


class IllegalTransition(Exception):
    """A phase that cannot follow the current one: a bug in jobs-service, never the caller's error."""


def transition(run: Run, phase: Phase, **changes: Any) -> Run:
    """Return `run` in its next phase. Raises IllegalTransition."""
    if phase not in NEXT[run.phase]:
        raise IllegalTransition(f"run {run.id} cannot go from {run.phase} to {phase}")
    return replace(run, phase=phase, **changes)


def with_expiry(run: Run, now: datetime, rules: Rules) -> Run:
    """Return `run`, which ends now, with its result and log expiry."""
    logs = timedelta(milliseconds=run.log_retention_ms)
    return replace(run, result_until=now + rules.retention, expires_at=now + max(rules.retention, logs))


def end(
    run: Run, phase: Phase, now: datetime, rules: Rules, *, error: RunError | None = None, by: int | None = None
) -> Run:
    """Return `run` in a terminal phase, without a holder and with an expiry. It ends no earlier than it started."""
    return transition(
        with_expiry(run, now, rules),
        phase,
        ended_at=max(now, run.started_at or now),
        due_at=None,
        pauses=(),
        paused_at=None,
        ended_by=by,
        error=error,
    )


def timed_out(limit_ms: int) -> RunError:
    """Return the error of a run over its time limit."""
    return RunError(ErrorCode.TIMEOUT, timeout_message(limit_ms))


def stuck(limit_ms: int) -> RunError:
    """Return the error of an attached run whose end was never reported."""
    minutes = max(1, limit_ms // 60_000)
    return RunError(ErrorCode.WORKER_LOST, f"Job terminated: stuck in processing for more than {minutes} minutes")


def worker_lost() -> RunError:
    """Return the error of a run whose worker stopped."""
    return RunError(ErrorCode.WORKER_LOST, WORKER_LOST)


def attempts_exhausted(losses: int) -> RunError:
    """Return the error of a run that lost every worker."""
    text = f"The run failed after {losses} attempts: its worker was lost each time"
    return RunError(ErrorCode.ATTEMPTS_EXHAUSTED, text)


def never_resumed(limit: timedelta) -> RunError:
    """Return the error of a pause that was never answered."""
    return RunError(ErrorCode.TIMEOUT, f"The run was not resumed within {limit.days} days")


def too_old(limit: timedelta) -> RunError:
    """Return the error of a run that took too long with all its pauses."""
    return RunError(ErrorCode.TIMEOUT, f"The run did not finish within {limit.days} days, including its pauses")


def too_many_pauses(limit: int) -> RunError:
    """Return the error of a run with too many pauses."""
    return RunError(ErrorCode.EXECUTION_FAILED, f"A run can wait for at most {limit} pauses at once")


def cancelled() -> RunError:
    """Return the error of a canceled run."""
    return RunError(ErrorCode.CANCELLED, "Cancelled")


def journal_expired() -> RunError:
    """Return the error of a repair that was not claimed before its journal expired."""
    text = "The results of the failed run expired before the repair started"
    return RunError(ErrorCode.EXECUTION_FAILED, text)
