"""A measurement that others on the same host disturbed is made again, but not for long."""

from pathlib import Path

import pytest
from benchmarks import stolen
from benchmarks.stolen import MUCH, SECONDS_ALTOGETHER, TRIES, Ticks, Undisturbed


class Host:
    """Takes these shares of the measurements that follow, and then the last of them for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, file: Path, *shares: float) -> None:
        self._file, self._shares = file, list(shares)
        self._got, self._stolen = 0, 0
        self.now, self.measured = 0.0, 0
        self.slow_after: dict[int, float] = {}
        """How slow the machine is after some of the tries."""
        monkeypatch.setattr(stolen, "STAT", file)
        self._write()

    def measure(self) -> str:
        """Two seconds of work."""
        share = self._shares[min(self.measured, len(self._shares) - 1)]
        self._got += round(200 * (1 - share))
        self._stolen += round(200 * share)
        self.now += 2
        self.measured += 1
        self._write()
        return f"try {self.measured}"

    def slowness(self) -> float:
        """After the latest try."""
        return self.slow_after.get(self.measured, 1.0)

    def _write(self) -> None:
        ticks = (self._got, 0, 0, 10_000, 7, 0, 0, self._stolen, 0, 0)
        self._file.write_text(f"cpu  {' '.join(map(str, ticks))}\ncpu0 1 2 3\n")


def test_what_nobody_disturbed_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.0)
    undisturbed = Undisturbed(lambda: host.now, host.slowness)
    assert undisturbed.measured(host.measure) == "try 1"
    assert undisturbed.shares == [0.0]


def test_the_first_quiet_try_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.3, 0.2, 0.01, 0.0)
    undisturbed = Undisturbed(lambda: host.now, host.slowness)
    assert undisturbed.measured(host.measure) == "try 3"
    assert undisturbed.shares == [0.01]


def test_what_was_measured_while_the_machine_was_slow_is_measured_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.0)
    host.slow_after = {1: 2.0, 2: 1.1}
    assert Undisturbed(lambda: host.now, host.slowness).measured(host.measure) == "try 2"


def test_of_disturbed_tries_the_quietest_counts_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.3, 0.1, 0.2, 0.25, 0.0)
    undisturbed = Undisturbed(lambda: host.now, host.slowness)
    assert undisturbed.measured(host.measure) == "try 2"
    assert host.measured == TRIES
    assert undisturbed.shares == [0.1]
    assert undisturbed.shares[0] > MUCH


def test_a_host_that_is_never_quiet_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = Host(monkeypatch, tmp_path / "stat", 0.5)
    undisturbed = Undisturbed(lambda: host.now, host.slowness)
    for _ in range(1_000):
        undisturbed.measured(host.measure)
    assert host.now <= 2 * 1_000 + SECONDS_ALTOGETHER + 2 * TRIES


def test_this_machine_counts_what_it_used() -> None:
    before = Ticks.now()
    assert before.got > 0
    assert 0 <= before.share() <= 1
