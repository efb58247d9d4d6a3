"""How long to wait before the next try."""

import random
from typing import Final

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 2.0


class Backoff:
    """Doubles up to a limit; with jitter, so that not everybody comes back at the same moment."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def delay(self) -> float:
        """Seconds before the next try."""
        delay, self._next = self._next, min(2 * self._next, LONGEST_SECONDS)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """It worked: begin from the start next time."""
        self._next = FIRST_SECONDS
