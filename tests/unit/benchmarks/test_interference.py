"""Measurements wait for a quiet machine and are repeated after interference, both for a bounded time."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks import interference
from benchmarks.interference import (
    MAX_STEAL,
    TOTAL_RETRY_SECONDS,
    TOTAL_WAIT_SECONDS,
    TRIES,
    WAIT_SECONDS,
    InterferenceFilter,
    PaceMonitor,
    Ticks,
)


class Machine:
    """A machine with these durations of the fixed work; the last one repeats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *paces: float) -> None:
        self._paces: Iterator[float] = iter(paces)
        self._last = paces[-1]
        self.now = 0.0
        monkeypatch.setattr(interference, "pace_ms", lambda: next(self._paces, self._last))
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_quiet_machine_causes_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 4.0, 4.5)
    assert PaceMonitor().wait() == 4.5
    assert machine.now == 0


def test_a_slow_period_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 4.0, 7.0, 7.2, 4.2)
    assert PaceMonitor().wait() == 4.2
    assert 0 < machine.now < WAIT_SECONDS


def test_the_wait_for_a_slow_machine_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 4.0, 7.0)
    quiet = PaceMonitor()
    assert quiet.wait() == 7.0
    assert machine.now == pytest.approx(WAIT_SECONDS, abs=0.3)
    for _ in range(1_000):
        quiet.wait()
    assert machine.now == pytest.approx(TOTAL_WAIT_SECONDS, abs=0.3)


def test_slowness_is_the_fastest_of_several_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, 4.0, 9.0, 8.0, 12.0, 7.0, 4.0, 9.0)
    quiet = PaceMonitor()
    assert quiet.slowness() == 2.0
    assert quiet.slowness() == 1.0


class Host:
    """A host with these shares of CPU steal; the last one repeats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, file: Path, *shares: float) -> None:
        self._file, self._shares = file, list(shares)
        self._got, self._stolen = 0, 0
        self.now, self.measured = 0.0, 0
        self.slow_after: dict[int, float] = {}
        """Slowness after some of the attempts."""
        monkeypatch.setattr(interference, "STAT", file)
        self._write()

    def measure(self) -> str:
        """Work for two seconds."""
        share = self._shares[min(self.measured, len(self._shares) - 1)]
        self._got += round(200 * (1 - share))
        self._stolen += round(200 * share)
        self.now += 2
        self.measured += 1
        self._write()
        return f"try {self.measured}"

    def slowness(self) -> float:
        """Return the slowness after the latest attempt."""
        return self.slow_after.get(self.measured, 1.0)

    def _write(self) -> None:
        ticks = (self._got, 0, 0, 10_000, 7, 0, 0, self._stolen, 0, 0)
        self._file.write_text(f"cpu  {' '.join(map(str, ticks))}\ncpu0 1 2 3\n")


def test_a_measurement_without_interference_is_not_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.0)
    measurements = InterferenceFilter(lambda: host.now, host.slowness)
    assert measurements.measure(host.measure) == "try 1"
    assert measurements.shares == [0.0]


def test_the_first_attempt_without_interference_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.3, 0.2, 0.01, 0.0)
    measurements = InterferenceFilter(lambda: host.now, host.slowness)
    assert measurements.measure(host.measure) == "try 3"
    assert measurements.shares == [0.01]


def test_a_measurement_on_a_slow_machine_is_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.0)
    host.slow_after = {1: 2.0, 2: 1.1}
    assert InterferenceFilter(lambda: host.now, host.slowness).measure(host.measure) == "try 2"


def test_the_attempt_with_the_least_interference_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.3, 0.1, 0.2, 0.25, 0.0)
    measurements = InterferenceFilter(lambda: host.now, host.slowness)
    assert measurements.measure(host.measure) == "try 2"
    assert host.measured == TRIES
    assert measurements.shares == [0.1]
    assert measurements.shares[0] > MAX_STEAL


def test_the_time_for_repetitions_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.5)
    measurements = InterferenceFilter(lambda: host.now, host.slowness)
    for _ in range(1_000):
        measurements.measure(host.measure)
    assert host.now <= 2 * 1_000 + TOTAL_RETRY_SECONDS + 2 * TRIES


def test_this_machine_reports_its_ticks() -> None:
    before = Ticks.now()
    assert before.got > 0
    assert 0 <= before.share() <= 1
