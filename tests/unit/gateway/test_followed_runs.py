"""Readers of durable runs within one process."""

import asyncio
from collections.abc import Callable

import pytest
from tests.support.gateway.jobs import FakeJobs

from gateway.runs import followed as followed_module
from gateway.runs.followed import BrokerFollowedRuns
from shared.broker.ports import ReplyInbox
from shared.contracts.messages import ControlMessage, EventBatch


class BusyBroker:
    """A broker that does not confirm a broadcast while it is busy."""

    address = "inbox"

    def __init__(self) -> None:
        self.is_busy = True
        self.replies = self.control = self

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> ReplyInbox:
        return self

    async def close(self) -> None:
        """Open nothing."""

    async def broadcast(self, message: ControlMessage) -> None:
        if self.is_busy:
            await asyncio.Event().wait()


async def test_a_reader_that_disconnects_during_its_registration_frees_its_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(followed_module, "MAX_READERS", 1)
    broker = BusyBroker()
    followed = BrokerFollowedRuns(broker, FakeJobs())
    await followed.start()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await followed.follow("WS1", "R1")
    broker.is_busy = False
    await followed.follow("WS1", "R2")
    await followed.stop()
