"""Compiled workflows are cached: a bounded number, per workspace, and never a failure."""

import asyncio

import pytest
from tests.support.executor.fakes import Services

from executor_service.application.workflow_cache import WorkflowCache
from shared.contracts.runs import SnapshotRef
from shared.errors import Unavailable


def ref(snapshot_hash: str = "one", workspace_id: str = "w1") -> SnapshotRef:
    return SnapshotRef(workspace_id, "f1", snapshot_hash)


async def test_the_same_state_in_another_workspace_is_another_workflow() -> None:
    services = Services()
    cache = WorkflowCache(services, entries=8)
    for workspace_id in ("w1", "w2", "w1"):
        await cache.get(ref(workspace_id=workspace_id))
    assert services.loads == 2


async def test_the_least_recently_used_workflow_is_evicted_first() -> None:
    services = Services()
    cache = WorkflowCache(services, entries=2)
    for snapshot_hash in ("one", "two", "one", "three", "one"):
        await cache.get(ref(snapshot_hash))
    assert services.loads == 3
    await cache.get(ref("two"))
    assert services.loads == 4


async def test_a_failed_load_is_retried() -> None:
    services = Services()
    cache = WorkflowCache(services, entries=2)
    services.unreachable = True
    with pytest.raises(Unavailable):
        await cache.get(ref())
    services.unreachable = False
    assert await cache.get(ref())


async def test_a_cancelled_waiter_does_not_cancel_the_load_of_others() -> None:
    class Slow(Services):
        go_on = asyncio.Event()

        async def snapshot(self, snapshot: SnapshotRef) -> bytes:
            await self.go_on.wait()
            return await super().snapshot(snapshot)

    services = Slow()
    cache = WorkflowCache(services, entries=2)
    first, second = (asyncio.create_task(cache.get(ref())) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    services.go_on.set()
    assert await second
    assert services.loads == 1
