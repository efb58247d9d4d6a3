"""Behavior that only the in-memory broker can show."""

import asyncio

import pytest
from tests.support.broker_samples import batch, dispatched
from tests.support.brokers import Brokers

from shared.broker.connect import open_broker
from shared.broker.ports import BrokerUnavailable, QueueFull, ReplyOverflow
from shared.contracts.messages import DurableRunDispatched, EventBatch


async def test_an_unscheduled_reader_overflows_at_the_bound() -> None:
    async with Brokers() as brokers:
        broker = await brokers.open()
        received: list[EventBatch] = []
        inbox = await broker.replies.open_inbox(received.append, lambda: None)
        bound = brokers.topology.reply_inbox.max_length
        for seq in range(bound):
            await broker.replies.send(inbox.address, batch(seq), must_route=False)
        with pytest.raises(ReplyOverflow):
            await broker.replies.send(inbox.address, batch(bound), must_route=False)
        await asyncio.sleep(0)
        await broker.replies.send(inbox.address, batch(bound), must_route=True)
        await asyncio.sleep(0)
        assert len(received) == bound + 1


async def test_the_bytes_of_a_queue_are_bounded_too() -> None:
    async with Brokers() as brokers:
        broker = await brokers.open()
        half = DurableRunDispatched(run_id="x" * 600_000, dispatch_id="", workspace_id="")
        await broker.work.publish(brokers.small, half)
        with pytest.raises(QueueFull):
            await broker.work.publish(brokers.small, half)
        await broker.work.publish(brokers.small, dispatched())


async def test_urls_name_hubs_that_know_nothing_of_each_other() -> None:
    async with Brokers() as one, Brokers() as two:
        first, second = await one.open(), await two.open()
        received: list[EventBatch] = []
        await first.replies.open_inbox(received.append, lambda: None)
        await second.replies.send("replies", batch(), must_route=False)
        await asyncio.sleep(0)
        assert not received


async def test_nothing_works_before_start() -> None:
    broker = open_broker("memory://before-start", service="test")
    with pytest.raises(BrokerUnavailable):
        await broker.ping()
