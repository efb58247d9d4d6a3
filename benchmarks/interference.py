"""Interference of other virtual machines with a measurement: CPU steal, and a lower pace.

The kernel reports CPU steal. Sharing a physical core is not reported, but lowers the pace of a fixed piece of work.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

STEPS: Final = 150_000
"""4 to 5 ms on two idle cores of an AMD EPYC."""
MAX_SLOWNESS: Final = 1.3
WAIT_SECONDS: Final = 3.0
TOTAL_WAIT_SECONDS: Final = 300.0
SAMPLE_SECONDS: Final = 0.1
SAMPLES: Final = 3
"""A single sample may be interrupted."""

STAT: Final = Path("/proc/stat")
MAX_STEAL: Final = 0.03
"""CPU steal above which a measurement is repeated."""
TRIES: Final = 4
TOTAL_RETRY_SECONDS: Final = 600.0
"""Total time for repeated measurements."""
T = TypeVar("T")


def pace_ms() -> float:
    """Return the duration of a fixed piece of work, in ms."""
    began = time.perf_counter()
    total = 0
    for number in range(STEPS):
        total += number
    return (time.perf_counter() - began) * 1000


class PaceMonitor:
    """Waits until the machine is about as fast as at its best: up to 3 s per call and 5 minutes in total."""

    def __init__(self) -> None:
        self._best = pace_ms()
        self._left = TOTAL_WAIT_SECONDS

    def slowness(self) -> float:
        """Return the current duration of the work relative to the best one, from the fastest of several samples."""
        pace = min(pace_ms() for _ in range(SAMPLES))
        self._best = min(self._best, pace)
        return pace / self._best

    def wait(self) -> float:
        """Wait for a normal pace, and return the last sample in ms."""
        began = time.monotonic()
        deadline = began + min(WAIT_SECONDS, self._left)
        while True:
            pace = pace_ms()
            self._best = min(self._best, pace)
            if pace <= self._best * MAX_SLOWNESS or time.monotonic() >= deadline:
                self._left -= time.monotonic() - began
                return pace
            time.sleep(SAMPLE_SECONDS)


class Ticks(NamedTuple):
    """CPU ticks since boot (proc(5)). `got` is the time that this machine used."""

    got: int
    stolen: int

    @classmethod
    def now(cls) -> "Ticks":
        """Return the current ticks of all CPUs."""
        user, nice, system, _idle, _iowait, irq, softirq, stolen, *_ = map(int, STAT.read_text().split()[1:11])
        return cls(user + nice + system + irq + softirq, stolen)

    def share(self) -> float:
        """Return the share of CPU steal since these ticks, from 0 to 1."""
        now = Ticks.now()
        stolen = now.stolen - self.stolen
        return stolen / max(1, now.got - self.got + stolen)


class InterferenceFilter:
    """Repeats measurements with interference, and keeps the attempt with the least."""

    def __init__(self, clock: Callable[[], float], slowness: Callable[[], float]) -> None:
        """`slowness` returns the current slowness of the machine."""
        self._clock = clock
        self._slowness = slowness
        self._left = TOTAL_RETRY_SECONDS
        self.shares: list[float] = []
        """CPU steal of each kept measurement."""

    def measure(self, measure: Callable[[], T]) -> T:
        """Return the result of `measure`. Raises its errors."""
        found, least = self._measure_once(measure)
        for _ in range(TRIES - 1):
            if least.extent <= 1 or self._left <= 0:
                break
            began = self._clock()
            again, disturbance = self._measure_once(measure)
            self._left -= self._clock() - began
            if disturbance.extent < least.extent:
                found, least = again, disturbance
        self.shares.append(least.stolen)
        return found

    def _measure_once(self, measure: Callable[[], T]) -> tuple[T, "Disturbance"]:
        before = Ticks.now()
        found = measure()
        return found, Disturbance(before.share(), self._slowness())


class Disturbance(NamedTuple):
    """CPU steal during a measurement, and slowness after it."""

    stolen: float
    slowness: float

    @property
    def extent(self) -> float:
        """Return the interference relative to the allowed one: 1 is the limit."""
        return max(self.stolen / MAX_STEAL, (self.slowness - 1) / (MAX_SLOWNESS - 1))
