"""The node of the transient queue hangs: it neither accepts nor refuses messages."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.eventually import eventually
from tests.support.gateway.system import System, running_system
from tests.support.gateway.worker import FakeWorker

from gateway.runs import dispatch as fast_path
from shared.broker.memory import MemoryBroker, MemoryHub
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, LONGEST_RUN_SECONDS, default_topology


class HangingBroker(MemoryBroker):
    """Leaves publishes to the transient queue unanswered until it is `resumed`."""

    def __init__(self, hub: MemoryHub) -> None:
        super().__init__(hub)
        self.resumed = asyncio.Event()
        self.waiting = 0

    async def publish(self, queue: str, *message: Any, **options: Any) -> None:
        if queue == EXPRESS:
            self.waiting += 1
            await self.resumed.wait()
        await super().publish(queue, *message, **options)


async def queue_of_a_call(system: System, worker: FakeWorker) -> str:
    """Return the queue of a call that was answered successfully."""
    assert (await system.execute({})).status == 200
    return worker.queues[-1]


async def test_calls_use_the_durable_queue_during_the_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(fast_path, "CLOSED_SECONDS", 2.0)
    hub = MemoryHub(default_topology(LONGEST_RUN_SECONDS))
    broker, workers = HangingBroker(hub), MemoryBroker(hub)
    await workers.start()
    worker = FakeWorker(workers)
    await worker.start()
    async with running_system(broker=broker) as system:
        with capture_logs() as logs:
            first = system.execute_call({})
            await eventually(lambda: logs)  # the fast path is closed
        assert await queue_of_a_call(system, worker) == INTERACTIVE
        await asyncio.sleep(2.1)
        trial = system.execute_call({})
        await eventually(lambda: broker.waiting == 2)
        assert await queue_of_a_call(system, worker) == INTERACTIVE, "one call tries it, and not all of them"

        broker.resumed.set()
        assert [(await call.done()).status for call in (first, trial)] == [200, 200]
        await asyncio.sleep(2.1)
        assert await queue_of_a_call(system, worker) == EXPRESS
        assert await queue_of_a_call(system, worker) == EXPRESS
