"""Runs and times for tests of the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jobs_service.runs.run import Phase, Rules, Run
from shared.contracts.claims import ClaimRun
from shared.contracts.jobs import PauseKind, PausePoint

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULES = Rules(
    lease=timedelta(seconds=15),
    retention=timedelta(hours=24),
    grace=timedelta(seconds=10),
    attempt_limit=3,
    pause=timedelta(days=60),
)


def after(seconds: float) -> datetime:
    """Return the time so long after NOW."""
    return NOW + timedelta(seconds=seconds)


def a_run(phase: Phase = Phase.WAITING, **fields: Any) -> Run:
    """Return a run with a limit of 90 minutes."""
    known: dict[str, Any] = {
        "id": "run-1",
        "workspace_id": "workspace-1",
        "workflow_id": "workflow-1",
        "phase": phase,
        "time_limit_ms": 5_400_000,
        "limit_text_ms": 5_400_000,
        "created_at": NOW,
    }
    return Run(**(known | fields))


def in_progress(**fields: Any) -> Run:
    """Return a run that worker-1 holds as attempt 1, through dispatch-1."""
    held: dict[str, Any] = {
        "attempt": 1,
        "dispatch_id": "dispatch-1",
        "held_dispatch_id": "dispatch-1",
        "worker_id": "worker-1",
        "claim_id": "claim-1",
        "started_at": NOW,
        "deadline_at": after(5400),
        "due_at": after(15),
    }
    return a_run(Phase.PROCESSING, **(held | fields))


def asks(context_id: str = "form", *, minutes: float | None = None) -> PausePoint:
    """Return a pause that waits for a person or, with `minutes`, for a time; the worker's clock is 5 minutes slow."""
    slow = NOW - timedelta(minutes=5)
    if minutes is None:
        return PausePoint(context_id, context_id, PauseKind.HUMAN, slow)
    return PausePoint(context_id, context_id, PauseKind.TIME, slow, slow + timedelta(minutes=minutes))


def a_claim(
    dispatch_id: str = "dispatch-1",
    worker_id: str = "worker-2",
    *,
    redelivered: bool = False,
    claim_id: str | None = "claim-2",
) -> ClaimRun:
    """Return a worker's claim."""
    return ClaimRun(dispatch_id, worker_id, redelivered, claim_id)
