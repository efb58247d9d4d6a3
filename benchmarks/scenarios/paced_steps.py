"""A step of JavaScript with time to warm the next process: sequential calls, 20 ms apart.

`sync, one function` calls without a pause and therefore measures process creation; this scenario measures the step.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import uvloop

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed

PAUSE_SECONDS: Final = 0.02
NO_OP: Final = "sync no-op, paced"
FUNCTION: Final = "sync, one function, paced"


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return scenarios with and without the step."""
    without = Scenario(NO_OP, partial(_load, testbed.targets["sync no-op"], options.seconds))
    with_step = Scenario(FUNCTION, partial(_load, testbed.targets["sync, one function"], options.seconds), NO_OP)
    yield Group((without, with_step))


def _load(target: Target, seconds: float) -> Row:
    took = sorted(uvloop.run(_calls(target, seconds)))
    return {"p50_ms": statistics.median(took), "p99_ms": took[len(took) * 99 // 100]}


async def _calls(target: Target, seconds: float) -> list[float]:
    until = time.perf_counter() + seconds
    took = []
    async with Callers(1) as http:
        while time.perf_counter() < until:
            took.append(await _call(http, target))
            await asyncio.sleep(PAUSE_SECONDS)
    return took


async def _call(http: Callers, target: Target) -> float:
    began = time.perf_counter()
    answer = await http.post(target)
    if answer.status != 200:
        raise BenchmarkFailed(f"call failed with status {answer.status}: {bytes(answer.body[:200])!r}")
    return (time.perf_counter() - began) * 1000
