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
_MAY_PASS: Final = frozenset({408, 409, 425, 429})
_BROKEN_FROM: Final = 500


async def ask_patiently(provider: Provider, request: ModelRequest, listener: Listener | None, seconds: float) -> Turn:
    """Request one turn; retry if nothing was answered yet and a retry may help. Raises ModelFailure.

    All attempts and delays end within `seconds`; there is no delay without time for a retry. A streaming answer may
    take longer while it continues.
    """
    ends_at, ear = _now() + seconds, None if listener is None else _Ear(listener)
    try:
        async with asyncio.timeout_at(ends_at if ear is None else None):
            return await _tried(provider, request, ear, ends_at)
    except TimeoutError:
        raise ModelFailure(TIMED_OUT) from None


async def _tried(provider: Provider, request: ModelRequest, ear: "_Ear | None", ends_at: float) -> Turn:
    delay = FIRST_DELAY_SECONDS
    for _ in range(MAX_TRIES - 1):
        try:
            return await provider.turn(replace(request, timeout_seconds=ends_at - _now()), ear)
        except ModelFailure as failure:
            wait = delay if failure.retry_after is None else failure.retry_after
            if not failure.may_pass or (ear is not None and ear.has_heard) or _now() + wait >= ends_at:
                raise
            clear_tracebacks(failure)
        await asyncio.sleep(wait)
        delay *= 2
    return await provider.turn(replace(request, timeout_seconds=ends_at - _now()), ear)


class _Ear:
    """Forwards to a listener, and records whether anything was sent: then there is no retry."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.has_heard = False

    async def text(self, piece: str) -> None:
        self.has_heard = True
        await self._listener.text(piece)

    async def thinking(self, piece: str) -> None:
        self.has_heard = True
        await self._listener.thinking(piece)


def refusal(message: str, status: int | None, headers: Mapping[str, str]) -> ModelFailure:
    """Return the failure of a refused call."""
    may_pass = status is not None and (status in _MAY_PASS or status >= _BROKEN_FROM)
    return ModelFailure(message, status=status, may_pass=may_pass, retry_after=_seconds(headers.get("retry-after")))


def _seconds(retry_after: str | None) -> float | None:
    """Return a delay in seconds; dates are ignored, negative delays count as zero."""
    try:
        seconds = float(retry_after or "nan")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
