"""Scenarios of `python -m benchmarks`."""

from collections.abc import Iterator

from benchmarks.scenarios import engine_loop, memory, noisy_neighbor, recordings, replays, runs
from benchmarks.scenarios.scenario import Group
from benchmarks.testbed import Testbed


def groups(testbed: Testbed, seconds: float) -> Iterator[Group]:
    """Yield all groups: memory before the first run, and restarts of processes last."""
    yield memory.idle(testbed)
    yield from runs.sync_runs(testbed, seconds)
    yield from runs.streams(testbed)
    yield from runs.queued_runs(testbed)
    yield recordings.group(testbed, seconds)
    yield from replays.groups(testbed, seconds)
    yield noisy_neighbor.group(testbed, seconds)
    yield memory.at_capacity(testbed)
    yield engine_loop.group()
