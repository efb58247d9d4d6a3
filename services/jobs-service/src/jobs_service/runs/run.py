"""A run as jobs-service keeps it: in finer phases than callers see, and only ever moving forward."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.outcomes import RunError
from shared.contracts.pauses import PausePoint
from shared.contracts.runs import RunSpec, RunStatus
from shared.errors import RunIdTaken


class Phase(StrEnum):
    """Where a run stands."""

    RESERVED = "reserved"
    """Only its id is taken, for an attached run that has not begun."""
    ATTACHED = "attached"
    """At work for a caller who waits; nobody else will ever take it."""
    WAITING = "waiting"
    DISPATCHED = "dispatched"
    """Published, not yet claimed."""
    PROCESSING = "processing"
    REQUEUED = "requeued"
    """Begun once, now without a worker, and to be dispatched again."""
    PAUSED = "paused"
    """Waiting for a person or a moment; nobody works on it."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
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
"""What may follow each phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits that decide a run's fate."""

    lease: timedelta
    """How long a worker may be silent."""
    retention: timedelta
    """How long the result of a run is known after its end."""
    grace: timedelta
    """How far past its time limit a run may go before it is ended from here."""
    attempt_limit: int
    """How many workers a run may lose."""
    pause: timedelta
    """How long a run waits for an answer."""

    @property
    def age(self) -> timedelta:
        """How long a run may take with all its pauses; workers get no ticket for a longer time."""
        return _PAUSES_IN_AGE * self.pause


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a run waits for. `due_at` is the moment at which it ends by itself."""

    point: PausePoint
    due_at: datetime | None = None
    answer: msgspec.Raw = msgspec.Raw()
    """A JSON object that ends it, until a worker has taken it; empty while there is none."""

    @property
    def is_answered(self) -> bool:
        """Whether it is over, for a worker to take up."""
        return bool(bytes(self.answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that decides what may happen to a run. All times are the store's."""

    id: str
    workspace_id: str
    workflow_id: str
    phase: Phase
    time_limit_ms: int
    limit_text_ms: int
    """The limit that the time-out message names."""
    log_retention_ms: int = 0
    """How long after its end it is found in the logs, where that is longer than its result is known."""
    created_at: datetime
    revision: int = 0
    """Grows with every write."""
    attempt: int = 0
    """The fencing token: which try of a worker holds the run, or held it last."""
    losses: int = 0
    """How many workers were lost on it."""
    dispatch_id: str | None = None
    dispatch_ids: tuple[str, ...] = ()
    """The dispatches since the last claim, the latest last: any of their messages may arrive first."""
    dispatches: int = 0
    """How often it was published since it was claimed last."""
    held_dispatch_id: str | None = None
    """The dispatch through which the present worker got it."""
    worker_id: str | None = None
    claim_id: str | None = None
    """The claim that was granted to it."""
    due_at: datetime | None = None
    """When it must be looked at: the end of the worker's lease, of the time limit, or of a pause."""
    started_at: datetime | None = None
    deadline_at: datetime | None = None
    ended_at: datetime | None = None
    result_until: datetime | None = None
    """When callers no longer find it; only the logs do."""
    expires_at: datetime | None = None
    """When nothing is left of it."""
    ended_by: int | None = None
    """The attempt that reported the end; None when it was ended from here."""
    cancel_requested: bool = False
    error: RunError | None = None
    pauses: tuple[Pause, ...] = ()
    paused_at: datetime | None = None
    """Since when it has been waiting; None while it is at work. Its time limit stands still."""

    @property
    def status(self) -> RunStatus:
        """As callers see it: what has begun is never queued again."""
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
        """How long it may be under way, all attempts together."""
        return timedelta(milliseconds=self.time_limit_ms)

    def is_dispatch(self, dispatch_id: str) -> bool:
        """Whether the run was dispatched by this id since the last claim. Earlier versions store the latest id only."""
        return dispatch_id == self.dispatch_id or dispatch_id in self.dispatch_ids

    def is_expired(self, now: datetime) -> bool:
        """Whether callers are told that there is no such run."""
        return any(moment is not None and moment <= now for moment in (self.result_until, self.expires_at))


def run_of(spec: RunSpec, phase: Phase, created_at: datetime, **known: Any) -> Run:
    """A new run, as its specification asks for it; `known` is what else there is to say of it."""
    return Run(
        id=spec.run_id,
        workspace_id=spec.snapshot.workspace_id,
        workflow_id=spec.snapshot.workflow_id,
        phase=phase,
        time_limit_ms=spec.time_limit_ms,
        limit_text_ms=spec.time_limit_text_ms or spec.time_limit_ms,
        log_retention_ms=spec.log_retention_ms,
        created_at=created_at,
        **known,
    )


def id_taken(run_id: str) -> RunIdTaken:
    """The refusal of an id that was used before."""
    return RunIdTaken(f"run id {run_id} has been used")


class IllegalMove(Exception):
    """A step backwards, or out of an end: a mistake in our code, never a caller's."""


def move(run: Run, phase: Phase, **changes: Any) -> Run:
    """`run` in its next phase. Raises IllegalMove."""
    if phase not in NEXT[run.phase]:
        raise IllegalMove(f"run {run.id} cannot go from {run.phase} to {phase}")
    return replace(run, phase=phase, **changes)


def forgotten_after(run: Run, now: datetime, rules: Rules) -> Run:
    """`run`, which ends now, with the moments at which its callers and its logs lose it."""
    logs = timedelta(milliseconds=run.log_retention_ms)
    return replace(run, result_until=now + rules.retention, expires_at=now + max(rules.retention, logs))


def end(
    run: Run, phase: Phase, now: datetime, rules: Rules, *, error: RunError | None = None, by: int | None = None
) -> Run:
    """Return `run` in a terminal phase, without a holder and with an expiry. It ends no earlier than it started."""
    return move(
        forgotten_after(run, now, rules),
        phase,
        ended_at=max(now, run.started_at or now),
        due_at=None,
        pauses=(),
        paused_at=None,
        ended_by=by,
        error=error,
    )
