"""Measurements wait for a quiet machine, for a bounded time."""

import time
from collections.abc import Iterator

import pytest
from benchmarks import rounds
from benchmarks.rounds import TOTAL_WAIT_SECONDS, WAIT_SECONDS, PaceMonitor


class Machine:
    """A machine with these durations of the fixed work; the last one repeats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *paces: float) -> None:
        self._paces: Iterator[float] = iter(paces)
        self._last = paces[-1]
        self.now = 0.0
        monkeypatch.setattr(rounds, "pace_ms", lambda: next(self._paces, self._last))
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_quiet_machine_causes_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = Machine(monkeypatch, 4.0, 4.5)
    assert PaceMonitor().wait() == 4.5
    assert quiet.now == 0


def test_a_slow_period_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Machine(monkeypatch, 4.0, 7.0, 7.2, 4.2)
    assert PaceMonitor().wait() == 4.2
    assert 0 < slow.now < WAIT_SECONDS


def test_the_wait_for_a_slow_machine_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Machine(monkeypatch, 4.0, 7.0)
    monitor = PaceMonitor()
    assert monitor.wait() == 7.0
    assert slow.now == pytest.approx(WAIT_SECONDS, abs=0.3)
    for _ in range(1_000):
        monitor.wait()
    assert slow.now == pytest.approx(TOTAL_WAIT_SECONDS, abs=0.3)
