"""Two workspaces on one system: what one that calls ten times as often as it may does to the calls of the other."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Final

import aiohttp
from tests.e2e.keys import workspace_of_its_own
from tests.support.public_door import PublicDoor

from benchmarks import workflows
from benchmarks.load import http_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.load.http_session import session
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand
from gateway.domain.plans import PlanName
from shared.service import ServiceName

ALONE: Final = "sync no-op, alone"
BESIDE: Final = "sync no-op, beside a neighbour at 10 × its limit"
LIMIT_PER_SECOND: Final = 10
CALLS_PER_SECOND: Final = 10 * LIMIT_PER_SECOND
ENVIRONMENT: Final = {"RATE_LIMIT_WINDOW_MS": "1000", "RATE_LIMIT_ENTERPRISE_SYNC": str(LIMIT_PER_SECOND)}
"""600 a minute, filled up every second: so every second of a round is like every other."""
CALLERS: Final = 2
CONNECTIONS: Final = 64
MORE_TIME: Final = 5
"""A p99 needs it."""


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """The same calls with and without the neighbour."""
    seconds = options.seconds * MORE_TIME
    neighbour = cache(lambda: asyncio.run(_neighbour(stand)))
    alone = Scenario(ALONE, partial(_load, stand.no_op, seconds))
    beside = Scenario(BESIDE, lambda: asyncio.run(_load_beside(stand.no_op, neighbour(), seconds)), ALONE)
    yield Group((alone, beside), around=partial(_limited, stand))


@contextmanager
def _limited(stand: Stand) -> Iterator[None]:
    stand.stack.restart(ServiceName.GATEWAY, environment=ENVIRONMENT)
    try:
        yield
    finally:
        stand.stack.restart(ServiceName.GATEWAY)


async def _neighbour(stand: Stand) -> Target:
    workspace_id, key = await workspace_of_its_own(stand.stack, PlanName.ENTERPRISE)
    door = PublicDoor(stand.stack.url, key, workspace_id)
    workflow_id = await door.publish(workflows.no_op())
    await door.close()
    return Target(f"{stand.stack.url}/api/workflows/{workflow_id}/execute", "{}", {"x-api-key": key})


def _load(target: Target, seconds: float) -> Row:
    found = http_load.measure(target, callers=CALLERS, seconds=seconds)
    return {"per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms}


async def _load_beside(own: Target, other: Target, seconds: float) -> Row:
    noise = asyncio.create_task(_call_steadily(other, seconds))
    row = await asyncio.to_thread(_load, own, seconds)
    ends = await noise
    if set(ends) != {200, 429}:
        raise BenchmarkFailed(f"the neighbour was answered otherwise than let in and refused: {dict(ends)}")
    let_in, every = ends[200] / seconds, ends.total() / seconds
    return {**row, "neighbours_calls_per_second": every, "neighbours_runs_per_second": let_in}


async def _call_steadily(target: Target, seconds: float) -> Counter[int]:
    """Call for so long, whether or not the calls before are answered; how often each status came."""
    ends: Counter[int] = Counter()
    began = time.monotonic()
    async with session(CONNECTIONS) as http, asyncio.TaskGroup() as group:
        for number in range(round(CALLS_PER_SECOND * seconds)):
            await asyncio.sleep(max(0.0, began + number / CALLS_PER_SECOND - time.monotonic()))
            group.create_task(_call(http, target, ends))
    return ends


async def _call(http: aiohttp.ClientSession, target: Target, ends: Counter[int]) -> None:
    async with http.post(target.url, data=target.body, headers=target.headers) as response:
        await response.read()
        ends[response.status] += 1
