"""Retry policy of long-running commands."""

import time
from collections.abc import Iterator
from typing import Final

from flowport.client.errors import ServerUnavailable, WaitTimedOut

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 2.0
UNAVAILABLE_SECONDS: Final = 60.0


class RetryPolicy:
    """Retries with growing delays until the server has been unavailable for `UNAVAILABLE_SECONDS`.

    `run_id` is the run that continues on the server, if any.
    """

    def __init__(self, run_id: str | None = None) -> None:
        self._run_id = run_id
        self.reset()

    def reset(self) -> None:
        """Record that the server responded."""
        self._since: float | None = None
        self._delays = backoff_delays()

    def wait_or_raise(self, error: ServerUnavailable) -> None:
        """Sleep before the next attempt.

        After `UNAVAILABLE_SECONDS`, raises `error`, or WaitTimedOut when a run continues on the server.
        """
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= UNAVAILABLE_SECONDS:
            raise WaitTimedOut(f"no response about run {self._run_id}: {error}") if self._run_id else error
        time.sleep(next(self._delays))


def backoff_delays() -> Iterator[float]:
    """Yield the delays between attempts, in seconds."""
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(delay * 1.5, LONGEST_DELAY)
