"""Two workspaces: the effect of calls at ten times the rate limit in one on the other."""

import asyncio
import itertools
import statistics
import time
from collections import Counter
from functools import cache, partial
from typing import Final

import uvloop
from tests.support.keys import new_workspace
from tests.support.public_api import PublicApi

from benchmarks import workflows
from benchmarks.load import steady_load
from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.testbed import Testbed
from gateway.access.plans import PlanName
from shared.service import ServiceName

ALONE: Final = "sync no-op, alone"
BESIDE: Final = "sync no-op, beside a neighbor at 10 × its limit"
LIMIT_PER_SECOND: Final = 10
NEIGHBOR_PER_SECOND: Final = 10 * LIMIT_PER_SECOND
WINDOW_SECONDS: Final = 5
RATE_LIMIT: Final = {
    "RATE_LIMIT_WINDOW_MS": str(WINDOW_SECONDS * 1000),
    "RATE_LIMIT_ENTERPRISE_SYNC": str(WINDOW_SECONDS * LIMIT_PER_SECOND),
}
"""600 per minute, with a window short enough that every round is alike."""
PER_SECOND: Final = 100
"""Far below the system's capacity, so that calls do not queue behind each other."""
MORE_TIME: Final = 10
"""A p99 requires more calls."""
BURST_SECONDS: Final = 2
"""Time in which the neighbor uses up its burst, so that the steady state is measured."""


def group(testbed: Testbed, seconds: float) -> Group:
    """Return the same calls with and without the neighbor."""
    took = seconds * MORE_TIME
    neighbor = cache(lambda: asyncio.run(_create_neighbor(testbed)))
    alone = Scenario(ALONE, lambda: uvloop.run(_measure(testbed.no_op, took)))
    beside = Scenario(BESIDE, lambda: uvloop.run(_measure_beside(testbed.no_op, neighbor(), took)), ALONE)
    return Group((alone, beside), around=partial(testbed.configure, {ServiceName.GATEWAY: RATE_LIMIT}))


async def _create_neighbor(testbed: Testbed) -> Target:
    workspace_id, key = await new_workspace(testbed.stack, PlanName.ENTERPRISE)
    api = PublicApi(testbed.stack.url, key, workspace_id)
    workflow_id = await api.publish(workflows.no_op())
    await api.close()
    return Target(f"{testbed.stack.url}/api/workflows/{workflow_id}/execute", "{}", {"x-api-key": key})


async def _measure_beside(own: Target, neighbor: Target, seconds: float) -> Row:
    await _send(neighbor, NEIGHBOR_PER_SECOND, BURST_SECONDS, {200, 429})
    (statuses, _), row = await asyncio.gather(
        _send(neighbor, NEIGHBOR_PER_SECOND, seconds, {200, 429}), _measure(own, seconds)
    )
    rates = {"calls": statuses.total() / seconds, "runs": statuses[200] / seconds}
    return row | {f"neighbors_{what}_per_second": rate for what, rate in rates.items()}


async def _measure(own: Target, seconds: float) -> Row:
    _, milliseconds = await _send(own, PER_SECOND, seconds, {200})
    cuts = statistics.quantiles(milliseconds, n=100)
    return {"p50_ms": cuts[49], "p99_ms": cuts[98]}


async def _send(
    target: Target, per_second: float, seconds: float, expected: set[int]
) -> tuple[Counter[int], list[float]]:
    """Send calls at a steady rate, and return statuses and latencies. Raises BenchmarkFailed for other statuses."""
    statuses: Counter[int] = Counter()
    milliseconds: list[float] = []

    async def call(http: Callers, due: float) -> None:
        statuses[(await http.call(target)).status] += 1
        milliseconds.append((time.monotonic() - due) * 1000)

    await steady_load.run(itertools.repeat(call), per_second, seconds, seed=target.url)
    if not statuses.keys() <= expected:
        raise BenchmarkFailed(f"unexpected statuses: {dict(statuses)}")
    return statuses, milliseconds
