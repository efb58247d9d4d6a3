"""A measurement waits for a quiet moment, but not for long."""

import time
from collections.abc import Iterator

import pytest
from benchmarks import pace
from benchmarks.pace import WAIT_SECONDS, WAIT_SECONDS_ALTOGETHER, Quiet


class Machine:
    """Takes these milliseconds for the piece of work, and then the last of them for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *paces: float) -> None:
        self._paces: Iterator[float] = iter(paces)
        self._last = paces[-1]
        self.now = 0.0
        monkeypatch.setattr(pace, "pace_ms", lambda: next(self._paces, self._last))
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_on_a_quiet_machine_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 4.0, 4.5)
    assert Quiet().wait() == 4.5
    assert machine.now == 0


def test_a_slow_moment_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 4.0, 7.0, 7.2, 4.2)
    assert Quiet().wait() == 4.2
    assert 0 < machine.now < WAIT_SECONDS


def test_a_machine_that_stays_slow_is_measured_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 4.0, 7.0)
    quiet = Quiet()
    assert quiet.wait() == 7.0
    assert machine.now == pytest.approx(WAIT_SECONDS, abs=0.3)
    for _ in range(1_000):
        quiet.wait()
    assert machine.now == pytest.approx(WAIT_SECONDS_ALTOGETHER, abs=0.3)


def test_how_slow_it_is_now_is_told_by_the_quickest_of_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, 4.0, 9.0, 8.0, 12.0, 7.0, 4.0, 9.0)
    quiet = Quiet()
    assert quiet.slowness() == 2.0
    assert quiet.slowness() == 1.0
