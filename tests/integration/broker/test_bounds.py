"""Bounds that only a real broker can show."""

import asyncio

import pytest
from tests.support.broker_samples import batch, dispatched
from tests.support.brokers import Brokers, declare_private, raw_channel
from tests.support.eventually import PATIENCE_SECONDS, eventually

from shared.broker.ports import QueueFull, ReplyOverflow

SLOW_READER: dict[str, str | int] = {"x-queue-type": "classic", "x-overflow": "reject-publish", "x-max-length": 50}


async def test_a_reader_that_does_not_read_stops_its_own_stream_and_no_other(brokers: Brokers) -> None:
    worker, gateway = await brokers.open(), await brokers.open()
    received: list[object] = []
    inbox = await gateway.replies.open_inbox(received.append, lambda: None)
    sent = 0
    address = brokers.topology.reply_inbox.new_name()
    async with raw_channel(brokers.url) as sleepy:
        await declare_private(sleepy, address, SLOW_READER)
        with pytest.raises(ReplyOverflow):
            for seq in range(500):
                await worker.replies.send(address, batch(seq, run_id="slow"), must_route=False)
                sent += 1
        for seq in range(100):
            await worker.replies.send(inbox.address, batch(seq, run_id="quick"), must_route=seq == 99)
    assert sent < 200  # the bound, and the window of unconfirmed sends
    await eventually(lambda: len(received) == 100)


async def test_an_unnoticed_refusal_surfaces_at_the_end_of_the_run(brokers: Brokers) -> None:
    worker = await brokers.open()
    address = brokers.topology.reply_inbox.new_name()
    async with raw_channel(brokers.url) as sleepy:
        await declare_private(sleepy, address, {**SLOW_READER, "x-max-length": 1})
        for seq in range(5):
            await worker.replies.send(address, batch(seq), must_route=False)
        with pytest.raises(ReplyOverflow):
            await worker.replies.send(address, batch(5), must_route=True)


async def test_a_full_queue_refuses_each_of_hundreds_of_concurrent_publishers(brokers: Brokers) -> None:
    broker = await brokers.open()
    with pytest.raises(QueueFull):
        for number in range(20):
            await broker.work.publish(brokers.small, dispatched(number))
    async with asyncio.timeout(PATIENCE_SECONDS):
        outcomes = await asyncio.gather(
            *(broker.work.publish(brokers.small, dispatched(number)) for number in range(300)), return_exceptions=True
        )
    assert all(isinstance(outcome, QueueFull) for outcome in outcomes)
