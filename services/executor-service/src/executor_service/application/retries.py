"""Retries of calls to an unavailable service, so that its runs need not fail."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.errors import Unavailable
from shared.retries import RetryPolicy, retry

RETRY_SECONDS: Final = 60.0
"""Longer than any restart, and much shorter than the consumer timeout of the broker."""
PAUSE_SECONDS: Final = (0.2, 0.8)
"""Delay between attempts; random, so that workers do not retry simultaneously."""

T = TypeVar("T")


async def retry_unavailable(
    call: Callable[[], Awaitable[T]],
    *,
    seconds: float = RETRY_SECONDS,
    on: type[Exception] | tuple[type[Exception], ...] = Unavailable,
) -> T:
    """Retry `call` while the service is unavailable, or on the given errors. Raise the error after `seconds`."""
    return await retry(call, RetryPolicy(delay=PAUSE_SECONDS, seconds=seconds), on=on)
