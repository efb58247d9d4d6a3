"""Delay before the next try."""

import random
from typing import Final

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 2.0


class Backoff:
    """Exponential backoff with a limit and jitter, so that processes do not all reconnect at once."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def delay(self) -> float:
        """Return the seconds before the next try."""
        delay, self._next = self._next, min(2 * self._next, LONGEST_SECONDS)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Start over after a success."""
        self._next = FIRST_SECONDS
