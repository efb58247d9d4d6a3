"""Deadline of a run."""

from typing import Final

from shared.clock import Clock

OVERTIME_SECONDS: Final = 1.0
"""Additional time for a block, so that the whole run times out, and reports it."""


class Deadline:
    """A deadline that counts as passed until it is set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = 0.0

    def set(self, seconds: float) -> None:
        """Set the run's time from now on."""
        self._at = self._clock.monotonic() + seconds

    def seconds(self) -> float:
        """Return the run's remaining time."""
        return max(0.0, self._at - self._clock.monotonic())

    def block_seconds(self) -> float:
        """Return the time limit of a block that starts now."""
        return self.seconds() + OVERTIME_SECONDS
