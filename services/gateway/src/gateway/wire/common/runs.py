"""Runs as legacy and v2 describe them alike."""

from typing import Any

from shared.contracts.cancels import CancelAnswer, CancelReason


def cancel_facts(answer: CancelAnswer) -> dict[str, Any]:
    """What a cancel found, in the words of both generations."""
    return {
        "redisAvailable": True,
        "durablyRecorded": answer.reason != CancelReason.ALREADY_CANCELLED,
        "locallyAborted": False,
        "pausedCancelled": answer.was_paused,
        "reason": answer.reason,
    }
