"""Sync calls whose responses are checked."""

import asyncio
import statistics
import time

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Measured, Target


async def measure(target: Target, *, runs: int, callers: int) -> Measured:
    """Make `runs` calls with at most `callers` concurrent ones."""
    free = asyncio.Semaphore(callers)
    async with Callers(callers) as http:
        began = time.perf_counter()
        milliseconds = await asyncio.gather(*(_run(http, target, free) for _ in range(runs)))
        took = time.perf_counter() - began
    cuts = statistics.quantiles(milliseconds, n=100)
    return Measured(runs, runs / took, cuts[49], cuts[98])


async def _run(http: Callers, target: Target, free: asyncio.Semaphore) -> float:
    async with free:
        began = time.perf_counter()
        answer = await http.post(target)
        if answer.status != 200:
            raise BenchmarkFailed(f"sync run failed: {answer.status} {answer.body[:300].decode()}")
        return (time.perf_counter() - began) * 1000
