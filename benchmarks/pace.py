"""How fast this machine is at the moment: a virtual one shares its cores with others, and nothing tells how much."""

import time
from typing import Final

STEPS: Final = 150_000
"""4 to 5 ms of work on two quiet cores of an AMD EPYC."""


def pace_ms() -> float:
    """Milliseconds for a piece of work that is always the same."""
    began = time.perf_counter()
    total = 0
    for number in range(STEPS):
        total += number
    return (time.perf_counter() - began) * 1000
