"""How much processor time a virtual machine wanted and did not get: its host counts what it gave to others."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

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
    """Measures again what others took much of, a few times, and gives the try of which they took least."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = SECONDS_ALTOGETHER
        self.shares: list[float] = []
        """What others took of each measurement that counts."""

    def measured(self, measure: Callable[[], T]) -> T:
        """What `measure` gives. Raises what it raises."""
        found, share = self._measured(measure)
        for _ in range(TRIES - 1):
            if share <= MUCH or self._left <= 0:
                break
            began = self._clock()
            again, less = self._measured(measure)
            self._left -= self._clock() - began
            if less < share:
                found, share = again, less
        self.shares.append(share)
        return found

    @staticmethod
    def _measured(measure: Callable[[], T]) -> tuple[T, float]:
        before = Ticks.now()
        return measure(), before.share()
