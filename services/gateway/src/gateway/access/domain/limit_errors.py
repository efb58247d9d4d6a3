"""Errors of exceeded limits."""

import math
from datetime import datetime, timedelta

from shared.errors import FlowportError


class AdmissionClosed(FlowportError):
    """This process handles its maximum number of calls."""

    code = "ADMISSION_GATE_CAPACITY"
    retryable = True
    default_message = "Server is at capacity. Please retry shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=5)


class TooManyStreams(AdmissionClosed):
    """The caller, or the run, has the maximum of open event streams."""

    code = "TOO_MANY_STREAMS"
    default_message = "Too many event streams are open. Close one and retry."


class TooManyAttempts(FlowportError):
    """Too many sign-ins for one account or from one address."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests. Please try again later.", retry_after=retry_after)


class UsageLimitExceeded(FlowportError):
    """The workspace has reached its monthly spend cap."""

    code = "USAGE_LIMIT_EXCEEDED"

    def __init__(self, spent_usd: float, cap_usd: float) -> None:
        super().__init__(
            f"Usage limit exceeded: ${spent_usd:.2f} used of ${cap_usd:.2f} limit. "
            "Please upgrade your plan or raise your usage limit to continue."
        )


class RateLimited(FlowportError):
    """The caller exceeded its rate limit; the bucket refills at `resets_at`."""

    code = "RATE_LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, now: datetime, resets_in: float) -> None:
        super().__init__("Rate limit exceeded. Please try again later.", retry_after=max(1, math.ceil(resets_in)))
        self.resets_at = now + timedelta(seconds=resets_in)
