"""Resident memory of each process before its first run."""

from collections.abc import Iterator

from benchmarks.processes import resident_mib
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the scenario."""
    yield Group((Scenario("resident memory, idle", lambda: _resident(testbed)),), once=True)


def _resident(testbed: Testbed) -> Row:
    return {f"{name}_mib": resident_mib(pid) for name, pid in testbed.pids.items()}
