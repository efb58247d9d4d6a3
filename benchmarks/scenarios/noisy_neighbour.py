"""Two workspaces on one system: what one that calls ten times as often as it may does to the calls of the other."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Final

from tests.e2e.keys import workspace_of_its_own
from tests.support.public_door import PublicDoor

from benchmarks import workflows
from benchmarks.load import steady_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.load.steady_load import Answers, Load
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand
from gateway.access.domain.plans import PlanName
from shared.service import ServiceName

ALONE: Final = "sync no-op, alone"
BESIDE: Final = "sync no-op, beside a neighbour at 10 × its limit"
LIMIT_PER_SECOND: Final = 10
NEIGHBOURS_PER_SECOND: Final = 10 * LIMIT_PER_SECOND
WINDOW_SECONDS: Final = 5
ENVIRONMENT: Final = {
    "RATE_LIMIT_WINDOW_MS": str(WINDOW_SECONDS * 1000),
    "RATE_LIMIT_ENTERPRISE_SYNC": str(WINDOW_SECONDS * LIMIT_PER_SECOND),
}
"""600 a minute, filled up often enough for every round to be like every other; a call that waits for that is rare."""
PER_SECOND: Final = 100
"""Far from what the system can do: otherwise the queue that the calls make for each other is what is measured."""
MORE_TIME: Final = 10
"""A p99 needs it."""
BURST_SECONDS: Final = 2
"""In which the neighbour uses up what its full bucket allows at once: measured is what goes on for ever."""


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """The same calls with and without the neighbour."""
    seconds = options.seconds * MORE_TIME
    own = Load(stand.no_op, PER_SECOND, seed=1)
    neighbour = cache(lambda: Load(asyncio.run(_neighbour(stand)), NEIGHBOURS_PER_SECOND, seed=2))
    alone = Scenario(ALONE, partial(_alone, own, seconds))
    beside = Scenario(BESIDE, lambda: _beside(own, neighbour(), seconds), ALONE)
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


def _alone(own: Load, seconds: float) -> Row:
    (answers,) = steady_load.measure([own], seconds)
    return _row(answers)


def _beside(own: Load, neighbour: Load, seconds: float) -> Row:
    steady_load.measure([neighbour], BURST_SECONDS)
    answers, neighbours = steady_load.measure([own, neighbour], seconds)
    statuses = neighbours.statuses
    if set(statuses) != {200, 429}:
        raise BenchmarkFailed(f"the neighbour was answered otherwise than let in and refused: {dict(statuses)}")
    let_in, every = statuses[200] / seconds, statuses.total() / seconds
    return {**_row(answers), "neighbours_calls_per_second": every, "neighbours_runs_per_second": let_in}


def _row(answers: Answers) -> Row:
    if set(answers.statuses) != {200}:
        raise BenchmarkFailed(f"not every call was a success: {dict(answers.statuses)}")
    return {"p50_ms": answers.percentile(50), "p99_ms": answers.percentile(99)}
