"""A little of everything, at a steady rate: runs, streams, jobs, callers who hang up, callers who are refused."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from benchmarks.load import job_load
from benchmarks.load.callers import Callers
from benchmarks.load.http_load import Target
from benchmarks.load.steady_load import CONNECTIONS, arrivals

Call = Callable[[Callers], Awaitable[str]]
"""Says how it ended."""


async def run(targets: Mapping[str, Target], *, per_second: float, seconds: float) -> Counter[str]:
    """Make calls for so long, whether or not the ones before are answered; returns how they ended."""
    ends: Counter[str] = Counter()
    calls = itertools.cycle(_calls(targets).items())
    async with Callers(CONNECTIONS) as http, asyncio.TaskGroup() as group:
        async for _ in arrivals(per_second, seconds, begins=time.monotonic(), seed=1):
            group.create_task(_counted(http, *next(calls), ends))
    return ends


def _calls(targets: Mapping[str, Target]) -> Mapping[str, Call]:
    no_op = targets["sync no-op"]
    nobody = replace(no_op, headers={"x-api-key": "sk-sim-nobody"})
    nothing = replace(no_op, url=no_op.url.replace("/execute", "0/execute"))
    return {
        "sync": lambda http: _answered(http, no_op),
        "function": lambda http: _answered(http, targets["sync, one function"]),
        "ten blocks": lambda http: _answered(http, targets["sync, ten blocks"]),
        "stream": lambda http: _answered(http, targets["echo"]),
        "stream of a model": lambda http: _answered(http, targets["vllm/words"]),
        "hung up": lambda http: _hung_up(http, targets["vllm/words-10"]),
        "job": lambda http: _job(http, no_op),
        "no such key": lambda http: _answered(http, nobody),
        "no such workflow": lambda http: _answered(http, nothing),
    }


async def _counted(http: Callers, name: str, call: Call, ends: Counter[str]) -> None:
    try:
        end = await call(http)
    except Exception as error:
        end = type(error).__name__
    ends[f"{name}: {end}"] += 1


async def _answered(http: Callers, target: Target) -> str:
    return str((await http.post(target)).status)


async def _hung_up(http: Callers, target: Target) -> str:
    hang_up = await http.begin(target)
    hang_up()
    return "after the first token"


async def _job(http: Callers, target: Target) -> str:
    ended = await job_load.ends(http, target, await job_load.submit(http, target, 1))
    return str(ended[0]["status"])
