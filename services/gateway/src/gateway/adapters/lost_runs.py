"""How attached runs end that no worker ends: the worker is gone, or there never was one."""

from datetime import datetime

from shared.clock import ms_between
from shared.contracts.events import RunEnded, RunExpired
from shared.contracts.messages import EventBatch
from shared.contracts.runs import EMPTY_OUTPUT, ErrorCode, RunOutcome, RunStatus


def reported_loss(batch: EventBatch) -> RunOutcome | None:
    """How a run ended whose worker is gone, as who got its message next reports it; None for any other batch."""
    match batch:
        case EventBatch(seq=0, events=(RunEnded(outcome=outcome),)) if _is_lost(outcome):
            return outcome
    return None


def is_expiry(batch: EventBatch) -> bool:
    """Whether it only tells that the run waits in no queue any more."""
    return batch.events == (RunExpired(),)


def cancelled_outcome(asked_at: datetime, now: datetime) -> RunOutcome:
    """The end of a run that was cancelled while nobody worked on it."""
    return RunOutcome(
        status=RunStatus.CANCELLED,
        output=EMPTY_OUTPUT,
        started_at=asked_at,
        ended_at=now,
        duration_ms=ms_between(asked_at, now),
    )


def _is_lost(outcome: RunOutcome) -> bool:
    return outcome.error is not None and outcome.error.code is ErrorCode.WORKER_LOST
