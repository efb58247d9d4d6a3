"""Retry policies: when a failed call is repeated, and the delays in between."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 2.0


class Backoff:
    """Exponential backoff with a limit and jitter, so that processes do not reconnect in the same moment."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def delay(self) -> float:
        """Return the seconds before the next attempt."""
        delay, self._next = self._next, min(2 * self._next, LONGEST_SECONDS)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Limits of repetitions. `delay`: bounds of the random delay in seconds; `seconds`: when to stop, after the start.

    The error of the last attempt is raised. None: no limit.
    """

    delay: tuple[float, float]
    seconds: float | None = None
    attempts: int | None = None


async def retry(
    call: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    *,
    on: type[Exception] | tuple[type[Exception], ...] = Unavailable,
    on_failure: Callable[[Exception], None] | None = None,
) -> T:
    """Return the result of `call`, repeated after errors of the types `on` within the limits of `policy`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for attempt in count(1):
        try:
            return await call()
        except on as error:
            if attempt == policy.attempts or (policy.seconds is not None and loop.time() - began >= policy.seconds):
                raise
            if on_failure is not None:
                on_failure(error)
        await asyncio.sleep(random.uniform(*policy.delay))  # noqa: S311 - spreads load, guards nothing
    raise AssertionError("count() is infinite")
