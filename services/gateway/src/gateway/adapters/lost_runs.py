"""Attached runs whose worker is gone, as the worker tells of it who got their message next."""

from shared.contracts.events import RunEnded
from shared.contracts.messages import EventBatch
from shared.contracts.runs import ErrorCode, RunOutcome


def lost_outcome(batch: EventBatch) -> RunOutcome | None:
    """How a run ended whose worker is gone; None where the batch tells of something else."""
    match batch:
        case EventBatch(seq=0, events=(RunEnded(outcome=outcome),)) if _is_lost(outcome):
            return outcome
    return None


def _is_lost(outcome: RunOutcome) -> bool:
    return outcome.error is not None and outcome.error.code is ErrorCode.WORKER_LOST
