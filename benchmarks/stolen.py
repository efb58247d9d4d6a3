"""What others on the same host do to a measurement on a virtual machine.

The host counts what processor time was wanted and went to others. Who shares a core with us, and leaves us half of its
speed, is not in that count: the pace afterwards tells.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from benchmarks.pace import MUCH_SLOWER

STAT: Final = Path("/proc/stat")
MUCH: Final = 0.03
"""Where others took a larger share, a measurement is one of them, too."""
TRIES: Final = 4
SECONDS_ALTOGETHER: Final = 600.0
"""For further tries: a host that is never quiet must not be waited for."""
T = TypeVar("T")


class Ticks(NamedTuple):
    """Since the machine started; see proc(5). `got` is all that its processes and its kernel used."""

    got: int
    stolen: int

    @classmethod
    def now(cls) -> "Ticks":
        """Of all processors together."""
        user, nice, system, _idle, _iowait, irq, softirq, stolen, *_ = map(int, STAT.read_text().split()[1:11])
        return cls(user + nice + system + irq + softirq, stolen)

    def share(self) -> float:
        """What others got, from 0 to 1, of what was wanted since."""
        now = Ticks.now()
        stolen = now.stolen - self.stolen
        return stolen / max(1, now.got - self.got + stolen)


class Undisturbed:
    """Measures again what others disturbed, a few times, and gives the try that they disturbed least."""

    def __init__(self, clock: Callable[[], float], slowness: Callable[[], float]) -> None:
        """`slowness`: how many times as long as at its best the machine takes for the same work."""
        self._clock = clock
        self._slowness = slowness
        self._left = SECONDS_ALTOGETHER
        self.shares: list[float] = []
        """What others took of each measurement that counts."""

    def measured(self, measure: Callable[[], T]) -> T:
        """What `measure` gives. Raises what it raises."""
        found, least = self._measured(measure)
        for _ in range(TRIES - 1):
            if least.extent <= 1 or self._left <= 0:
                break
            began = self._clock()
            again, disturbance = self._measured(measure)
            self._left -= self._clock() - began
            if disturbance.extent < least.extent:
                found, least = again, disturbance
        self.shares.append(least.stolen)
        return found

    def _measured(self, measure: Callable[[], T]) -> tuple[T, "Disturbance"]:
        before = Ticks.now()
        found = measure()
        return found, Disturbance(before.share(), self._slowness())


class Disturbance(NamedTuple):
    """The share of the processor time that others got, and how many times as long the machine took after it."""

    stolen: float
    slowness: float

    @property
    def extent(self) -> float:
        """1 is as much as may be."""
        return max(self.stolen / MUCH, (self.slowness - 1) / (MUCH_SLOWER - 1))
