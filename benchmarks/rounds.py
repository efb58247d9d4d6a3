"""Interleaved rounds, and the median ratio of two series with its confidence interval."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.load import Row
from shared.garbage_collection import raise_gc_threshold

MIN_ROUNDS: Final = 6
"""Fewer ratios do not reach 95 % confidence."""
CONFIDENCE: Final = 0.95
STEPS: Final = 150_000
"""4 to 5 ms on two idle cores of an AMD EPYC."""
MAX_SLOWNESS: Final = 1.3
WAIT_SECONDS: Final = 3.0
TOTAL_WAIT_SECONDS: Final = 300.0
SAMPLE_SECONDS: Final = 0.1


def measure_rounds(measures: Mapping[str, Callable[[], Row]], rounds: int) -> dict[str, list[Row]]:
    """Measure all in each round, in alternating order, after a warm-up. Return the rows of each."""
    pace, rows = PaceMonitor(), {name: list[Row]() for name in measures}
    for number in range(-1, rounds):
        for name in sorted(measures, reverse=bool(number % 2)):
            raise_gc_threshold()  # avoids pauses of the measuring process
            pace.wait()
            row = measures[name]()
            if number >= 0:
                rows[name].append(row)
    return rows


@dataclass(frozen=True)
class Interval:
    """Median ratio and its 95 % confidence interval.

    It is the pair of order statistics that encloses the median with at least that confidence, without assumptions about
    the distribution (Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2).
    """

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Interval":
        """Return the interval of at least MIN_ROUNDS ratios. Raises ValueError for fewer."""
        count, ordered = len(ratios), sorted(ratios)
        if count < MIN_ROUNDS:
            raise ValueError(f"an interval requires at least {MIN_ROUNDS} ratios, not {count}")
        cut, tail = 0, 2 * 0.5**count
        while tail + 2 * math.comb(count, cut + 1) * 0.5**count <= 1 - CONFIDENCE:
            cut += 1
            tail += 2 * math.comb(count, cut) * 0.5**count
        return cls(ordered[cut], statistics.median(ordered), ordered[count - 1 - cut])


def pace_ms() -> float:
    """Return the duration of a fixed piece of work, in ms."""
    began = time.perf_counter()
    total = 0
    for number in range(STEPS):
        total += number
    return (time.perf_counter() - began) * 1000


class PaceMonitor:
    """Waits until the machine is about as fast as at its best: up to 3 s per call and 5 minutes in total.

    Other virtual machines on the same physical core lower the pace; the kernel does not report them.
    """

    def __init__(self) -> None:
        self._best = pace_ms()
        self._left = TOTAL_WAIT_SECONDS

    def wait(self) -> float:
        """Wait for a normal pace, and return the pace in ms."""
        began = time.monotonic()
        deadline = began + min(WAIT_SECONDS, self._left)
        while (pace := pace_ms()) > self._best * MAX_SLOWNESS and time.monotonic() < deadline:
            time.sleep(SAMPLE_SECONDS)
        self._left -= time.monotonic() - began
        self._best = min(self._best, pace)
        return pace
