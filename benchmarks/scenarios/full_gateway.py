"""A gateway that is full: what a stream that says nothing costs, and how quickly one call too many is refused."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import uvloop

from benchmarks.load.callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.processes import resident_mib
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import SILENT, Stand
from shared.service import ServiceName

REFUSALS: Final = 500
PARTS: Final = (ServiceName.GATEWAY, ServiceName.EXECUTOR)


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """Once: memory that was given back is not given anew by the system, and would not be seen a second time."""
    streams = options.idle_streams
    scenario = Scenario(f"{streams:,} idle streams, and refusals beyond", lambda: uvloop.run(_measure(stand, streams)))
    yield Group((scenario,), around=partial(stand.with_room_for, streams), once=True)


async def _measure(stand: Stand, streams: int) -> Row:
    async with Callers(streams + 1) as http:
        await _call(http, stand.no_op, 200)
        before = _resident(stand)
        held = await asyncio.gather(*(http.begin(stand.targets[SILENT]) for _ in range(streams)))
        after = _resident(stand)
        refused = [await _refused(http, stand.no_op) for _ in range(REFUSALS)]
        for hang_up in held:
            hang_up()
    kib = {f"{part}_kib_per_stream": (after[part] - before[part]) * 1024 / streams for part in PARTS}
    cuts = statistics.quantiles(refused, n=100)
    return {**kib, "refusal_p50_ms": cuts[49], "refusal_p99_ms": cuts[98]}


async def _refused(http: Callers, target: Target) -> float:
    began = time.perf_counter()
    await _call(http, target, 429)
    return (time.perf_counter() - began) * 1000


async def _call(http: Callers, target: Target, status: int) -> None:
    answer = await http.post(target)
    if answer.status != status:
        raise BenchmarkFailed(f"{answer.status} where {status} was due: {answer.body[:300].decode()}")


def _resident(stand: Stand) -> Mapping[str, float]:
    return {part: resident_mib(stand.pids[part]) for part in PARTS}
