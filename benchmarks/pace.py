"""How fast this machine is at the moment: a virtual one shares its cores with others, and nothing tells how much."""

import time
from typing import Final

STEPS: Final = 150_000
"""4 to 5 ms of work on two quiet cores of an AMD EPYC."""
MUCH_SLOWER: Final = 1.3
WAIT_SECONDS: Final = 3.0
WAIT_SECONDS_ALTOGETHER: Final = 300.0
LOOK_SECONDS: Final = 0.1
LOOKS: Final = 3
"""One alone may have been interrupted."""


def pace_ms() -> float:
    """Milliseconds for a piece of work that is always the same."""
    began = time.perf_counter()
    total = 0
    for number in range(STEPS):
        total += number
    return (time.perf_counter() - began) * 1000


class Quiet:
    """Waits for moments at which the machine is about as fast as it has been: 3 s at most, and 5 minutes altogether."""

    def __init__(self) -> None:
        self._best = pace_ms()
        self._left = WAIT_SECONDS_ALTOGETHER

    def slowness(self) -> float:
        """How many times as long as at its best the machine takes now: for the quickest of a few tries."""
        pace = min(pace_ms() for _ in range(LOOKS))
        self._best = min(self._best, pace)
        return pace / self._best

    def wait(self) -> float:
        """The pace at the end of the wait, in ms."""
        began = time.monotonic()
        give_up = began + min(WAIT_SECONDS, self._left)
        while True:
            pace = pace_ms()
            self._best = min(self._best, pace)
            if pace <= self._best * MUCH_SLOWER or time.monotonic() >= give_up:
                self._left -= time.monotonic() - began
                return pace
            time.sleep(LOOK_SECONDS)
