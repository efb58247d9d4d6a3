"""Open-loop HTTP load: calls are sent when due, independent of earlier responses.

Arrivals follow a Poisson process, as from many independent callers. Latency counts from the due time, so that a stall
affects every delayed call.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Final

from benchmarks.load.http_callers import Callers

CONNECTIONS: Final = 64
Call = Callable[[Callers, float], Coroutine[Any, Any, None]]
"""Sends one call, given the time (`time.monotonic`) when it is due."""


async def run(calls: Iterable[Call], per_second: float, seconds: float, seed: str) -> None:
    """Start the calls when they are due, for `seconds`, and wait for their ends."""
    upcoming = iter(calls)
    async with Callers(CONNECTIONS) as http, asyncio.TaskGroup() as group:
        async for due in _arrivals(per_second, seconds, random.Random(seed)):
            group.create_task(next(upcoming)(http, due))


async def _arrivals(per_second: float, seconds: float, generator: random.Random) -> AsyncIterator[float]:
    due = begins = time.monotonic()
    while (due := due + generator.expovariate(per_second)) < begins + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield due
