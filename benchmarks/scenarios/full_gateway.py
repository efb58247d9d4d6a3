"""A gateway that is full: what a stream that says nothing costs, and how quickly one call too many is refused."""

import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import aiohttp

from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.load.http_session import session
from benchmarks.processes import resident_mib
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import SILENT, Stand
from shared.service import ServiceName

REFUSALS: Final = 500
PARTS: Final = (ServiceName.GATEWAY, ServiceName.EXECUTOR)


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """Once: memory that was given back is not given anew by the system, and would not be seen a second time."""
    streams = options.idle_streams
    scenario = Scenario(f"{streams:,} idle streams, and refusals beyond", lambda: asyncio.run(_measure(stand, streams)))
    yield Group((scenario,), around=partial(stand.with_room_for, streams), once=True)


async def _measure(stand: Stand, streams: int) -> Row:
    async with session(streams + 1) as http:
        await _call(http, stand.no_op, 200)
        before = _resident(stand)
        held = await asyncio.gather(*(_opened(http, stand.targets[SILENT]) for _ in range(streams)))
        after = _resident(stand)
        refused = [await _refused(http, stand.no_op) for _ in range(REFUSALS)]
        for response in held:
            response.close()
    kib = {f"{part}_kib_per_stream": (after[part] - before[part]) * 1024 / streams for part in PARTS}
    cuts = statistics.quantiles(refused, n=100)
    return {**kib, "refusal_p50_ms": cuts[49], "refusal_p99_ms": cuts[98]}


async def _opened(http: aiohttp.ClientSession, target: Target) -> aiohttp.ClientResponse:
    response = await http.post(target.url, data=target.body, headers=target.headers)
    if not await response.content.readany():
        raise BenchmarkFailed(f"a stream did not begin: {response.status}")
    return response


async def _refused(http: aiohttp.ClientSession, target: Target) -> float:
    began = time.perf_counter()
    await _call(http, target, 429)
    return (time.perf_counter() - began) * 1000


async def _call(http: aiohttp.ClientSession, target: Target, status: int) -> None:
    async with http.post(target.url, data=target.body, headers=target.headers) as response:
        text = await response.text()
    if response.status != status:
        raise BenchmarkFailed(f"{response.status} where {status} was due: {text[:300]}")


def _resident(stand: Stand) -> Mapping[str, float]:
    return {part: resident_mib(stand.pids[part]) for part in PARTS}
