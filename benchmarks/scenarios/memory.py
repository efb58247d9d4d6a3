"""Resident memory of each process that has run nothing yet."""

from collections.abc import Iterator

from benchmarks.processes import resident_mib
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """One look."""
    yield Group((Scenario("resident memory, idle", lambda: _resident(stand)),), once=True)


def _resident(stand: Stand) -> Row:
    return {f"{name}_mib": resident_mib(pid) for name, pid in stand.pids.items()}
