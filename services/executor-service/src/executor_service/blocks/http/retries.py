"""Retries of HTTP blocks: which calls, and their delays."""

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from executor_service.blocks.values import number_of
from shared.net import BlockedAddress, OutboundClient, OutboundError, OutboundRequest, OutboundResponse
from shared.workflow.format.js_values import JsonObject, is_enabled

MAX_RETRIES: Final = 10
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_SPREAD: Final = 0.1
"""Delays vary by up to this share, so that callers do not retry simultaneously."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Number of retries, and their delays."""

    retries: int
    delay_ms: float
    max_delay_ms: float

    @classmethod
    def of(cls, params: JsonObject, method: str) -> "RetryPolicy":
        """Return the plan of a block's settings; no retries of non-idempotent methods unless allowed."""
        retries = int(max(0, min(number_of(params.get("retries")) or 0, MAX_RETRIES)))
        may_repeat = method in _IDEMPOTENT or is_enabled(params.get("retryNonIdempotent"))
        delay = number_of(params.get("retryDelayMs"))
        max_delay = number_of(params.get("retryMaxDelayMs"))
        return cls(
            retries if may_repeat else 0,
            500 if delay is None or delay < 0 else delay,
            30_000 if max_delay is None or max_delay < 0 else max_delay,
        )

    def backoff_ms(self, attempt: int) -> float:
        """Return the delay after the failed `attempt`, counted from 0."""
        return min(self.delay_ms * 2.0**attempt, self.max_delay_ms) * (1 + random.uniform(0, _SPREAD))  # noqa: S311

    def wait_ms(self, attempt: int, response: OutboundResponse) -> float | None:
        """Return the delay after this response; None to accept it."""
        if not _is_transient(response.status):
            return None
        requested = _retry_after_ms(response)
        if requested is None:
            return self.backoff_ms(attempt)
        return requested if requested <= self.max_delay_ms else None


async def send_with_retries(outbound: OutboundClient, request: OutboundRequest, plan: RetryPolicy) -> OutboundResponse:
    """Return the first response that needs no retry, or the last. Raises OutboundError."""
    for attempt in range(plan.retries):
        wait: float | None
        try:
            response = await outbound.send(request)
        except BlockedAddress:
            raise
        except OutboundError:
            wait = plan.backoff_ms(attempt)
        else:
            wait = plan.wait_ms(attempt, response)
            if wait is None:
                return response
        await asyncio.sleep(wait / 1000)
    return await outbound.send(request)


def _is_transient(status: int) -> bool:
    return status == _TOO_MANY or status >= _SERVER_ERROR


def _retry_after_ms(response: OutboundResponse) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text) * 1000  # infinite for hundreds of digits
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # nonexistent year or time zone
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds() * 1000)
