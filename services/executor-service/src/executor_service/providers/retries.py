"""Timeouts and retries of model requests."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from executor_service.providers.model import TIMED_OUT, Listener, ModelFailure, ModelRequest, Provider, Turn
from shared.tracebacks import clear_tracebacks

MAX_TRIES: Final = 3
FIRST_DELAY_SECONDS: Final = 0.5
_TRANSIENT_STATUSES: Final = frozenset({408, 409, 425, 429})
_SERVER_ERRORS_FROM: Final = 500


async def request_with_retries(
    provider: Provider, request: ModelRequest, listener: Listener | None, seconds: float
) -> Turn:
    """Request one turn; retry if nothing was answered yet and a retry may help. Raises ModelFailure.

    All attempts and delays end within `seconds`; there is no delay without time for a retry. An answer whose streaming
    began may take longer while it continues.
    """
    ends_at = _now() + seconds
    try:
        async with asyncio.timeout_at(ends_at) as limit:
            tracker = None if listener is None else _TrackingListener(listener, limit)
            return await _request(provider, request, tracker, ends_at)
    except TimeoutError:
        raise ModelFailure(TIMED_OUT) from None


async def _request(
    provider: Provider, request: ModelRequest, tracker: "_TrackingListener | None", ends_at: float
) -> Turn:
    delay = FIRST_DELAY_SECONDS
    for _ in range(MAX_TRIES - 1):
        try:
            return await provider.turn(replace(request, timeout_seconds=ends_at - _now()), tracker)
        except ModelFailure as failure:
            wait = delay if failure.retry_after is None else failure.retry_after
            if not failure.is_transient or (tracker is not None and tracker.has_received) or _now() + wait >= ends_at:
                raise
            clear_tracebacks(failure)
        await asyncio.sleep(wait)
        delay *= 2
    return await provider.turn(replace(request, timeout_seconds=ends_at - _now()), tracker)


class _TrackingListener:
    """Forwards to a listener. Once something was sent there is no retry, and no limit on the whole answer."""

    def __init__(self, listener: Listener, limit: asyncio.Timeout) -> None:
        self._listener = listener
        self._limit = limit
        self.has_received = False

    async def text(self, chunk: str) -> None:
        self._receive()
        await self._listener.text(chunk)

    async def thinking(self, chunk: str) -> None:
        self._receive()
        await self._listener.thinking(chunk)

    def _receive(self) -> None:
        if not self.has_received:
            self.has_received = True
            self._limit.reschedule(None)


def status_failure(message: str, status: int | None, headers: Mapping[str, str]) -> ModelFailure:
    """Return the failure of a refused call."""
    is_transient = status is not None and (status in _TRANSIENT_STATUSES or status >= _SERVER_ERRORS_FROM)
    return ModelFailure(
        message, status=status, is_transient=is_transient, retry_after=_seconds(headers.get("retry-after"))
    )


def _seconds(retry_after: str | None) -> float | None:
    """Return a delay in seconds; dates are ignored, negative delays count as zero."""
    try:
        seconds = float(retry_after or "nan")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
