"""Clocks, and the remainder of a duration when the wall clock steps."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import SteadyClock, ms_between

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class SteppedClock:
    """A clock that a test moves and steps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.step = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds + self.step)

    def monotonic(self) -> float:
        return self.seconds


def test_no_duration_is_negative() -> None:
    assert ms_between(NOON, NOON + timedelta(milliseconds=1.5)) == 1.5
    assert ms_between(NOON, NOON - timedelta(seconds=30)) == 0.0


@pytest.mark.parametrize("step", [-30.0, 30.0])
def test_a_steady_clock_ignores_steps(step: float) -> None:
    system = SteppedClock()
    steady = SteadyClock(system)
    system.step = step
    system.seconds = 2.0
    assert steady.now() == NOON + timedelta(seconds=2)
    assert steady.monotonic() == 2.0
