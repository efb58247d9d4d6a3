"""Open-loop HTTP load: calls go out when they are due, whether or not those before them are answered.

They are due at random, as from many callers who know nothing of each other (a Poisson process): two loads in step
with each other would meet at every call, or at none. What a call took counts from when it was due: a stall costs
every call that it holds up, not only the one it met.
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

from benchmarks.load.callers import Callers
from benchmarks.load.http_load import Target
from shared.garbage import collect_seldom

CONNECTIONS: Final = 64
LEAD_SECONDS: Final = 3.0
"""Until then the callers' processes are up."""


@dataclass(frozen=True)
class Load:
    """So many calls a second to one target."""

    target: Target
    per_second: float
    seed: int
    """Of the moments at which they are due, the same whenever it is measured."""


@dataclass
class Answers:
    """What came of the calls."""

    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Of what the calls took, in ms."""
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]


def measure(loads: Sequence[Load], seconds: float) -> list[Answers]:
    """Send them all for so long at the same time, each from a process of its own; the answers to each."""
    begins = time.monotonic() + LEAD_SECONDS
    with ProcessPoolExecutor(len(loads), mp_context=multiprocessing.get_context("spawn")) as callers:
        return [sent.result() for sent in [callers.submit(_send, load, begins, seconds) for load in loads]]


async def arrivals(per_second: float, seconds: float, *, begins: float, seed: int) -> AsyncIterator[float]:
    """When each call is due, as soon as it is."""
    moments = random.Random(seed)
    due = begins
    while (due := due + moments.expovariate(per_second)) < begins + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield due


def _send(load: Load, begins: float, seconds: float) -> Answers:
    collect_seldom()
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
