"""Open-loop HTTP load: calls are sent when due, independent of earlier responses.

Arrivals follow a Poisson process, as from many independent callers. Latency counts from the due time, so that a stall
affects every delayed call.
"""

import asyncio
import multiprocessing
import random
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import uvloop

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import Target
from shared.garbage_collection import raise_gc_threshold

CONNECTIONS: Final = 64
LEAD_SECONDS: Final = 3.0
"""Time for the load processes to start."""


@dataclass(frozen=True)
class Load:
    """Constant rate of calls to one target."""

    target: Target
    per_second: float
    seed: int
    """Seed of the arrival times."""


@dataclass
class Answers:
    """Statuses and latencies of the calls."""

    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Return a percentile of the latencies in ms."""
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]


def measure(loads: Sequence[Load], seconds: float) -> list[Answers]:
    """Send all loads concurrently for `seconds`, each from its own process, and return their responses."""
    begins = time.monotonic() + LEAD_SECONDS
    with ProcessPoolExecutor(len(loads), mp_context=multiprocessing.get_context("spawn")) as callers:
        return [sent.result() for sent in [callers.submit(_send, load, begins, seconds) for load in loads]]


async def arrivals(per_second: float, seconds: float, *, begins: float, seed: int) -> AsyncIterator[float]:
    """Yield the due time of each call when it is due."""
    generator = random.Random(seed)
    due = begins
    while (due := due + generator.expovariate(per_second)) < begins + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield due


def _send(load: Load, begins: float, seconds: float) -> Answers:
    raise_gc_threshold()
    return uvloop.run(_call_on_time(load, max(begins, time.monotonic()), seconds))


async def _call_on_time(load: Load, begins: float, seconds: float) -> Answers:
    answers = Answers()
    async with Callers(CONNECTIONS) as http, asyncio.TaskGroup() as group:
        async for due in arrivals(load.per_second, seconds, begins=begins, seed=load.seed):
            group.create_task(_call(http, load.target, due, answers))
    return answers


async def _call(http: Callers, target: Target, due: float, answers: Answers) -> None:
    answer = await http.post(target)
    answers.statuses[answer.status] += 1
    answers.milliseconds.append((time.monotonic() - due) * 1000)
