"""Run presenters of legacy and v2."""

from typing import Any

from shared.contracts.cancels import CancelAnswer, CancelReason


def cancel_facts(answer: CancelAnswer) -> dict[str, Any]:
    """Present the result of a cancel."""
    return {
        "redisAvailable": True,
        "durablyRecorded": answer.reason != CancelReason.ALREADY_CANCELLED,
        "locallyAborted": False,
        "pausedCancelled": answer.was_paused,
        "reason": answer.reason,
    }
