"""A dispatcher and everything around it."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from tests.support.jobs.fakes import FakeLeases, FakeQueue, FakeWork, ManualClock

from jobs_service.leadership import Leader, Leadership, WakeUpEvent
from jobs_service.queue.dispatcher import Dispatcher, DispatchPolicy


class System:
    """Its clock is fixed; its broker and store are in memory."""

    def __init__(self, *, window: int = 4) -> None:
        self.clock = ManualClock()
        self.leases = FakeLeases()
        self.queue = FakeQueue(self.clock)
        self.work = FakeWork()
        self.window = window
        self.wake_up = WakeUpEvent()
        self.dispatcher = self.another("me")

    def another(self, holder: str, *, shows_workspaces: bool = False) -> Dispatcher:
        """Return another process that wants to dispatch."""
        leader = Leader(self.leases, Leadership("dispatcher", holder), timedelta(seconds=6), self.clock)
        policy = DispatchPolicy(self.window, timedelta(seconds=10), shows_workspaces=shows_workspaces)
        return Dispatcher(self.queue, self.work, leader, policy, clock=self.clock, wake_up=self.wake_up)

    def is_woken_by_news(self) -> bool:
        """Return whether the dispatcher waits for new runs."""
        return self.wake_up.has_capacity

    @property
    def sent(self) -> list[str]:
        """The published runs, in order."""
        return [message.run_id for message in self.work.sent]


async def cut_short(system: System) -> None:
    """Run a step that hangs in the store until its timeout."""
    system.queue.hangs = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await system.dispatcher.step()
    system.queue.hangs = False


def figure(name: str, **labels: str) -> float | None:
    """Return the value of a metric of jobs-service."""
    return REGISTRY.get_sample_value(f"flowport_jobs_{name}", labels)
