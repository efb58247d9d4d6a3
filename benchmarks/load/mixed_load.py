"""Mixed load at a steady rate: runs, streams, jobs, disconnects and rejected calls."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from benchmarks.load import job_load
from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import Target
from benchmarks.load.steady_load import CONNECTIONS, arrivals

Call = Callable[[Callers], Awaitable[str]]
"""Returns the outcome."""


async def run(targets: Mapping[str, Target], *, per_second: float, seconds: float) -> Counter[str]:
    """Start calls at a steady rate, independent of responses, and count their outcomes."""
    outcomes: Counter[str] = Counter()
    calls = itertools.cycle(_calls(targets).items())
    async with Callers(CONNECTIONS) as http, asyncio.TaskGroup() as group:
        async for _ in arrivals(per_second, seconds, begins=time.monotonic(), seed=1):
            group.create_task(_counted(http, *next(calls), outcomes))
    return outcomes


def _calls(targets: Mapping[str, Target]) -> Mapping[str, Call]:
    no_op = targets["sync no-op"]
    invalid_key = replace(no_op, headers={"x-api-key": "sk-sim-invalid_key"})
    missing_workflow = replace(no_op, url=no_op.url.replace("/execute", "0/execute"))
    return {
        "sync": lambda http: _post(http, no_op),
        "function": lambda http: _post(http, targets["sync, one function"]),
        "ten blocks": lambda http: _post(http, targets["sync, ten blocks"]),
        "stream": lambda http: _post(http, targets["echo"]),
        "stream of a model": lambda http: _post(http, targets["vllm/words"]),
        "hung up": lambda http: _disconnect_early(http, targets["vllm/words-10"]),
        "job": lambda http: _job(http, no_op),
        "no such key": lambda http: _post(http, invalid_key),
        "no such workflow": lambda http: _post(http, missing_workflow),
    }


async def _counted(http: Callers, name: str, call: Call, outcomes: Counter[str]) -> None:
    try:
        end = await call(http)
    except Exception as error:
        end = type(error).__name__
    outcomes[f"{name}: {end}"] += 1


async def _post(http: Callers, target: Target) -> str:
    return str((await http.post(target)).status)


async def _disconnect_early(http: Callers, target: Target) -> str:
    disconnect = await http.begin(target)
    disconnect()
    return "after the first token"


async def _job(http: Callers, target: Target) -> str:
    ended = await job_load.wait_for_all(http, target, await job_load.submit(http, target, 1))
    return str(ended[0]["status"])
