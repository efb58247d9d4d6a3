"""Two workspaces: the effect of calls at ten times the rate limit in one on the other."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Final

from tests.support.keys import new_workspace
from tests.support.public_api import PublicApi

from benchmarks import workflows
from benchmarks.load import steady_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.load.steady_load import Answers, Load
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed
from gateway.access.domain.plans import PlanName
from shared.service import ServiceName

ALONE: Final = "sync no-op, alone"
BESIDE: Final = "sync no-op, beside a neighbor at 10 × its limit"
LIMIT_PER_SECOND: Final = 10
NEIGHBOR_PER_SECOND: Final = 10 * LIMIT_PER_SECOND
WINDOW_SECONDS: Final = 5
ENVIRONMENT: Final = {
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


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the same calls with and without the neighbor."""
    seconds = options.seconds * MORE_TIME
    own = Load(testbed.no_op, PER_SECOND, seed=1)
    neighbor = cache(lambda: Load(asyncio.run(_create_neighbor(testbed)), NEIGHBOR_PER_SECOND, seed=2))
    alone = Scenario(ALONE, partial(_measure_alone, own, seconds))
    beside = Scenario(BESIDE, lambda: _measure_beside(own, neighbor(), seconds), ALONE)
    yield Group((alone, beside), around=partial(_limit_rate, testbed))


@contextmanager
def _limit_rate(testbed: Testbed) -> Iterator[None]:
    testbed.stack.restart(ServiceName.GATEWAY, environment=ENVIRONMENT)
    try:
        yield
    finally:
        testbed.stack.restart(ServiceName.GATEWAY)


async def _create_neighbor(testbed: Testbed) -> Target:
    workspace_id, key = await new_workspace(testbed.stack, PlanName.ENTERPRISE)
    api = PublicApi(testbed.stack.url, key, workspace_id)
    workflow_id = await api.publish(workflows.no_op())
    await api.close()
    return Target(f"{testbed.stack.url}/api/workflows/{workflow_id}/execute", "{}", {"x-api-key": key})


def _measure_alone(own: Load, seconds: float) -> Row:
    (answers,) = steady_load.measure([own], seconds)
    return _row(answers)


def _measure_beside(own: Load, neighbor: Load, seconds: float) -> Row:
    steady_load.measure([neighbor], BURST_SECONDS)
    answers, neighbors = steady_load.measure([own, neighbor], seconds)
    statuses = neighbors.statuses
    if set(statuses) != {200, 429}:
        raise BenchmarkFailed(f"unexpected statuses for the neighbor: {dict(statuses)}")
    let_in, every = statuses[200] / seconds, statuses.total() / seconds
    return {**_row(answers), "neighbors_calls_per_second": every, "neighbors_runs_per_second": let_in}


def _row(answers: Answers) -> Row:
    if set(answers.statuses) != {200}:
        raise BenchmarkFailed(f"calls failed: {dict(answers.statuses)}")
    return {"p50_ms": answers.percentile(50), "p99_ms": answers.percentile(99)}
