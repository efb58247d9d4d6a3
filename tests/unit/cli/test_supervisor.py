"""Processes of `flowport stack` that end are restarted with a growing delay."""

from pathlib import Path

import pytest

from flowport.local.supervisor import LONGEST_DELAY_SECONDS, STABLE_SECONDS, Child, Supervisor
from flowport.servers.process import ServerFailed

LOG = Path("/logs/child.log")


class FakeProcess:
    """A process that tests end, and that can fail to start."""

    def __init__(self) -> None:
        self.is_running = True
        self.launches = 0
        self.starts = True

    def launch(self) -> None:
        """Start, or raise ServerFailed."""
        self.launches += 1
        self.is_running = self.starts
        if not self.starts:
            raise ServerFailed("the port is in use")


class System:
    """A supervisor of one process, with a clock that tests move."""

    def __init__(self) -> None:
        self.process = FakeProcess()
        self.now = 100.0
        self.reports: list[tuple[str, str]] = []
        child = Child("executor-service", LOG, lambda: self.process.is_running, self.process.launch)
        self.supervisor = Supervisor([child], lambda *report: self.reports.append(report), clock=lambda: self.now)

    def run(self, seconds: int) -> None:
        """Let time pass, with a check each second."""
        for _ in range(seconds):
            self.supervisor.check()
            self.now += 1
        self.supervisor.check()

    def delay(self) -> int:
        """End the process and return the seconds until it is launched again."""
        launches, since = self.process.launches, self.now
        self.process.is_running = False
        while self.process.launches == launches:
            self.run(1)
        return int(self.now - since)


@pytest.fixture
def system() -> System:
    return System()


def test_a_process_that_ended_is_restarted_and_both_are_reported(system: System) -> None:
    system.run(5)
    assert system.reports == []

    system.process.is_running = False
    system.run(2)

    assert system.process.is_running
    assert system.reports == [
        ("executor-service ended", f"restarting in 1 s; see {LOG}"),
        ("executor-service restarted", ""),
    ]


def test_the_delay_doubles_up_to_a_minute_while_the_process_keeps_ending(system: System) -> None:
    assert [system.delay() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert LONGEST_DELAY_SECONDS == 60


def test_the_delay_is_short_again_after_a_stable_minute(system: System) -> None:
    assert [system.delay() for _ in range(3)] == [1, 2, 4]
    system.run(int(STABLE_SECONDS))
    assert system.delay() == 1


def test_a_process_that_does_not_start_is_reported_and_retried(system: System) -> None:
    system.process.starts = False
    system.process.is_running = False
    system.run(1)
    assert system.reports[-1] == ("executor-service did not start", "the port is in use")

    system.process.starts = True
    system.run(3)

    assert system.process.is_running
    assert system.reports[-1] == ("executor-service restarted", "")
