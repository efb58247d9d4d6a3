"""A full queue, through the gateway and a real jobs-service on a real store: the limit is exact, and refusals leave
nothing."""

import asyncio
from collections import Counter
from typing import Any

from tests.support.eventually import until
from tests.support.gateway.system import running_system
from tests.support.jobs.system import System as JobsSystem
from tests.support.jobs.system import quick_settings, running

from shared.clients.jobs.runs import HttpJobsClient
from shared.service import Lifecycle

THRESHOLD = 100
CALLERS = 500
HELD = 5
ASYNC = {"X-Execution-Mode": "async"}


async def hold_workers(jobs: JobsSystem) -> None:
    """All permitted concurrent runs of the workspace are in progress; none of them occupies the queue."""
    for _ in range(HELD):
        await jobs.executor.begin()
    await until(lambda: none_queued(jobs))


async def none_queued(jobs: JobsSystem) -> bool:
    """Return whether the queue is empty: a slot is counted as free shortly after its run was claimed."""
    return await jobs.queued("WS1") == 0


async def test_five_hundred_concurrent_callers_leave_exactly_as_many_runs_as_fit(
    mongodb_uri: str, mongodb_prefix: str
) -> None:
    settings = quick_settings(
        mongodb_uri, mongodb_prefix, dispatch_max_queue_per_workspace=THRESHOLD, dispatch_unclaimed_seconds=60
    )
    async with running(settings) as jobs:
        await jobs.executor.listen()
        limits: dict[str, Any] = {
            "plan_limits": {"free": {"concurrency": HELD, "async_rate": 10_000}},
            "admission_gate_max_inflight": 10_000,
            "workspace_max_inflight": 10_000,
        }
        keeper = HttpJobsClient(jobs.gateway.client)
        async with Lifecycle((keeper,)).running(), running_system(keeper=keeper, **limits) as gateway:
            for _ in range(HELD):
                assert (await gateway.execute({}, headers=ASYNC)).status == 202
            await hold_workers(jobs)
            answers = await asyncio.gather(*(gateway.execute({"n": n}, headers=ASYNC) for n in range(CALLERS)))
            assert Counter(answer.status for answer in answers) == {202: THRESHOLD, 503: CALLERS - THRESHOLD}
            assert await jobs.stored() == HELD + THRESHOLD
            assert await jobs.queued("WS1") == THRESHOLD
            refused = [answer for answer in answers if answer.status == 503]
            for answer in refused:
                assert answer.json["error"] == "Service temporarily at capacity"
                assert answer.json["message"] == f"Workspace queue is at capacity ({THRESHOLD}/{THRESHOLD})"
                assert 1 <= int(answer.headers["retry-after"]) == answer.json["retryAfterSeconds"] <= 300
