"""A step of JavaScript where there is time to warm the next process: calls one by one, 20 ms apart.

`sync, one function` calls without a pause, and so measures how fast processes are made; this one measures the step.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import uvloop

from benchmarks.load.callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand

PAUSE_SECONDS: Final = 0.02
NO_OP: Final = "sync no-op, paced"
FUNCTION: Final = "sync, one function, paced"


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """With the step, and without."""
    without = Scenario(NO_OP, partial(_load, stand.targets["sync no-op"], options.seconds))
    with_step = Scenario(FUNCTION, partial(_load, stand.targets["sync, one function"], options.seconds), NO_OP)
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
        raise BenchmarkFailed(f"a call was answered {answer.status}: {bytes(answer.body[:200])!r}")
    return (time.perf_counter() - began) * 1000
