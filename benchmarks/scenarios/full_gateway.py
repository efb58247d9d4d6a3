"""Gateway at capacity: memory of an idle stream, and latency of rejected calls."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import uvloop

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.processes import resident_mib
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import SILENT_MODEL, Testbed
from shared.service import ServiceName

REFUSALS: Final = 500
SERVICES: Final = (ServiceName.GATEWAY, ServiceName.EXECUTOR)


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the scenario. It runs once: the process keeps freed memory, which a second round would not measure."""
    streams = options.idle_streams
    scenario = Scenario(
        f"{streams:,} idle streams, and refusals beyond", lambda: uvloop.run(_measure(testbed, streams))
    )
    yield Group((scenario,), around=partial(testbed.limit_capacity, streams), once=True)


async def _measure(testbed: Testbed, streams: int) -> Row:
    async with Callers(streams + 1) as http:
        await _call(http, testbed.no_op, 200)
        before = _resident(testbed)
        streams_open = await asyncio.gather(*(http.begin(testbed.targets[SILENT_MODEL]) for _ in range(streams)))
        after = _resident(testbed)
        rejections = [await _measure_rejection(http, testbed.no_op) for _ in range(REFUSALS)]
        for disconnect in streams_open:
            disconnect()
    kib = {f"{part}_kib_per_stream": (after[part] - before[part]) * 1024 / streams for part in SERVICES}
    cuts = statistics.quantiles(rejections, n=100)
    return {**kib, "refusal_p50_ms": cuts[49], "refusal_p99_ms": cuts[98]}


async def _measure_rejection(http: Callers, target: Target) -> float:
    began = time.perf_counter()
    await _call(http, target, 429)
    return (time.perf_counter() - began) * 1000


async def _call(http: Callers, target: Target, status: int) -> None:
    answer = await http.post(target)
    if answer.status != status:
        raise BenchmarkFailed(f"status {answer.status}, expected {status}: {answer.body[:300].decode()}")


def _resident(testbed: Testbed) -> Mapping[str, float]:
    return {part: resident_mib(testbed.pids[part]) for part in SERVICES}
