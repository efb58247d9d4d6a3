"""Attached runs, as their workers report them. jobs-service controls them only after a pause."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jobs_service.runs.endings import outcome_phase
from jobs_service.runs.pauses import suspend
from jobs_service.runs.run import Phase, Rules, Run, run_of, with_expiry
from shared.contracts.jobs import PauseRun
from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.runs import RunSpec
from shared.errors import InvalidRequest

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
