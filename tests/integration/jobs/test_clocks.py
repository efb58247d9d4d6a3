"""Processes whose clocks are minutes off work correctly: the store's clock decides about leases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest
from tests.integration.jobs.conftest import Start
from tests.support.jobs.system import System

from shared.clock import SystemClock

SKEW = timedelta(minutes=5)
LEASE_SECONDS = 4.0


class WrongClock(SystemClock):
    """A clock so much ahead or behind."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


@pytest.fixture
async def replicas(start: Start) -> AsyncIterator[list[System]]:
    """Two processes on one store, ten minutes apart."""
    async with AsyncExitStack() as opened:
        wrong = [WrongClock(SKEW), WrongClock(-SKEW)]
        both = [await opened.enter_async_context(start(lease_seconds=LEASE_SECONDS, clock=clock)) for clock in wrong]
        await both[0].executor.listen()
        yield both


async def test_a_lease_that_is_renewed_at_either_is_over_at_neither(replicas: list[System]) -> None:
    accepted = await replicas[1].gateway.accept()
    await replicas[0].executor.begin()

    for turn in range(5):
        await asyncio.sleep(LEASE_SECONDS / 4)
        assert await replicas[turn % 2].executor.renew(accepted.run_id, 1) is False
    assert await replicas[0].executor.idle()
    await replicas[1].executor.finish(accepted.run_id, 1)


async def test_an_unrenewed_lease_expires(replicas: list[System]) -> None:
    accepted = await replicas[1].gateway.accept()
    await replicas[0].executor.begin()

    again = await replicas[0].executor.begin()
    assert (again.run.run_id, again.attempt) == (accepted.run_id, 2)
