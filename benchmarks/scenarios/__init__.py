"""Scenarios of `python -m benchmarks`."""

import itertools
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.scenarios import (
    engine_loop,
    full_gateway,
    memory,
    noisy_neighbor,
    queued_jobs,
    recordings,
    streams,
    sync_runs,
)
from benchmarks.scenarios.scenario import Group, Options
from benchmarks.testbed import Testbed

REGISTRY: Final[tuple[Callable[[Testbed, Options], Iterator[Group]], ...]] = (
    memory.groups,
    sync_runs.groups,
    streams.groups,
    queued_jobs.groups,
    recordings.groups,
    noisy_neighbor.groups,
    full_gateway.groups,
    engine_loop.groups,
)
"""In this order: memory before the first run, and restarts of processes last."""


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return all groups of scenarios."""
    return itertools.chain.from_iterable(each(testbed, options) for each in REGISTRY)
