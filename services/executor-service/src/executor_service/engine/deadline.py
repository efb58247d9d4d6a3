"""When a run must have come to its end."""

from typing import Final

from shared.clock import Clock

OVERTIME_SECONDS: Final = 1.0
"""A block may take so much longer than there is time: it is the whole run that times out, and says so."""


class Deadline:
    """Has passed until it is set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = 0.0

    def set(self, seconds: float) -> None:
        """The run may take so long from now on."""
        self._at = self._clock.monotonic() + seconds

    def seconds(self) -> float:
        """What the run has left."""
        return max(0.0, self._at - self._clock.monotonic())

    def block_seconds(self) -> float:
        """What a block of it may take that begins now."""
        return self.seconds() + OVERTIME_SECONDS
