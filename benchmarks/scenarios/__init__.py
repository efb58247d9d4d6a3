"""Scenarios of `python -m benchmarks`."""

import itertools
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.scenarios import (
    cold_start,
    engine_loop,
    full_gateway,
    job_status,
    large_input,
    memory,
    noisy_neighbor,
    paced_steps,
    queued_jobs,
    streams,
    sync_runs,
    versions,
)
from benchmarks.scenarios.scenario import Group, Options
from benchmarks.testbed import Testbed

REGISTRY: Final[tuple[Callable[[Testbed, Options], Iterator[Group]], ...]] = (
    memory.groups,
    sync_runs.groups,
    paced_steps.groups,
    streams.groups,
    large_input.groups,
    queued_jobs.groups,
    job_status.groups,
    versions.groups,
    noisy_neighbor.groups,
    full_gateway.groups,
    cold_start.groups,
    engine_loop.groups,
)
"""In this order: memory before the first run, and restarts of processes last."""


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return all groups of scenarios."""
    return itertools.chain.from_iterable(each(testbed, options) for each in REGISTRY)
