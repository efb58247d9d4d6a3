"""Everything that `python -m benchmarks` measures."""

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
    noisy_neighbour,
    paced_steps,
    queued_jobs,
    streams,
    sync_runs,
    versions,
)
from benchmarks.scenarios.scenario import Group, Options
from benchmarks.stand import Stand

REGISTRY: Final[tuple[Callable[[Stand, Options], Iterator[Group]], ...]] = (
    memory.groups,
    sync_runs.groups,
    paced_steps.groups,
    streams.groups,
    large_input.groups,
    queued_jobs.groups,
    job_status.groups,
    versions.groups,
    noisy_neighbour.groups,
    full_gateway.groups,
    cold_start.groups,
    engine_loop.groups,
)
"""In this order: memory while nothing has run yet, and last what starts processes anew."""


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """All of them."""
    return itertools.chain.from_iterable(each(stand, options) for each in REGISTRY)
