"""Sync calls whose answers are read: a number of them, each right."""

import asyncio
import statistics
import time

import aiohttp

from benchmarks.load.http_load import BenchmarkFailed, Measured, Target
from benchmarks.load.http_session import session


async def measure(target: Target, *, runs: int, callers: int) -> Measured:
    """Run it so often, with at most `callers` at once."""
    async with session(callers) as http:
        began = time.perf_counter()
        free = asyncio.Semaphore(callers)
        milliseconds = await asyncio.gather(*(_run(http, target, free) for _ in range(runs)))
        took = time.perf_counter() - began
    cuts = statistics.quantiles(milliseconds, n=100)
    return Measured(runs, runs / took, cuts[49], cuts[98])


async def _run(http: aiohttp.ClientSession, target: Target, free: asyncio.Semaphore) -> float:
    async with free:
        began = time.perf_counter()
        async with http.post(target.url, data=target.body, headers=target.headers) as response:
            text = await response.text()
        if response.status != 200:
            raise BenchmarkFailed(f"a sync run went wrong: {response.status} {text[:300]}")
        return (time.perf_counter() - began) * 1000
