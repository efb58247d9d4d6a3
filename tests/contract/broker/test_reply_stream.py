"""The contract of ReplyStream."""

import asyncio

import pytest
from tests.support.broker_samples import Recorder, batch, dispatched
from tests.support.brokers import Brokers
from tests.support.eventually import eventually

from shared.broker.ports import Broker, BrokerUnavailable, ReplyUnroutable
from shared.contracts.messages import EventBatch
from shared.errors import PayloadTooLarge


def never() -> None:
    raise AssertionError("the broker was not lost")


async def test_batches_arrive_in_the_order_of_their_sends(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    received: list[EventBatch] = []
    inbox = await gateway.replies.open_inbox(received.append, never)
    sent = [batch(seq, text=f"token {seq}") for seq in range(200)]
    for seq, one in enumerate(sent):
        await worker.replies.send(inbox.address, one, must_route=seq in {0, len(sent) - 1})
    await eventually(lambda: len(received) == len(sent))
    assert received == sent


async def test_concurrent_streams_keep_their_own_order(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    received: dict[str, list[int]] = {}
    inbox = await gateway.replies.open_inbox(lambda b: received.setdefault(b.run_id, []).append(b.seq), never)

    async def stream(run_id: str) -> None:
        for seq in range(50):
            await worker.replies.send(inbox.address, batch(seq, run_id=run_id), must_route=seq == 49)

    await asyncio.gather(*(stream(f"run-{number}") for number in range(20)))
    await eventually(lambda: sum(map(len, received.values())) == 1000)
    assert all(seqs == list(range(50)) for seqs in received.values())


async def test_two_inboxes_have_two_addresses(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    first: list[EventBatch] = []
    second: list[EventBatch] = []
    one = await gateway.replies.open_inbox(first.append, never)
    two = await gateway.replies.open_inbox(second.append, never)
    await worker.replies.send(one.address, batch(1), must_route=True)
    await worker.replies.send(two.address, batch(2), must_route=True)
    await eventually(lambda: first and second)
    assert (first, second) == ([batch(1)], [batch(2)])


async def test_an_unroutable_mandatory_batch_is_reported(broker: Broker, brokers: Brokers) -> None:
    with pytest.raises(ReplyUnroutable):
        await broker.replies.send(brokers.topology.reply_inbox.new_name(), batch(), must_route=True)


async def test_a_batch_that_may_be_lost_is_lost_silently(broker: Broker, brokers: Brokers) -> None:
    await broker.replies.send(brokers.topology.reply_inbox.new_name(), batch(), must_route=False)


@pytest.mark.parametrize("kind", ["work", "dead"])
async def test_a_reply_address_never_reaches_a_work_queue(broker: Broker, brokers: Brokers, kind: str) -> None:
    queue = getattr(brokers, kind)
    recorder = Recorder()
    await broker.work.consume(queue, recorder, prefetch=1)
    for address in (queue, f"{brokers.topology.reply_inbox.prefix}.{'x' * 300}"):
        with pytest.raises(ReplyUnroutable):
            await broker.replies.send(address, batch(), must_route=True)
    await broker.work.publish(queue, dispatched())
    await eventually(lambda: recorder.deliveries)
    assert recorder.run_ids == ["run-0"]


async def test_a_closed_inbox_is_unreachable(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    inbox = await gateway.replies.open_inbox(lambda received: None, never)
    address = inbox.address
    await worker.replies.send(address, batch(), must_route=True)
    await inbox.close()
    with pytest.raises(ReplyUnroutable):
        await worker.replies.send(address, batch(1), must_route=True)


async def test_a_stopped_gateway_is_unreachable(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    inbox = await gateway.replies.open_inbox(lambda received: None, never)
    address = inbox.address
    await gateway.stop()
    with pytest.raises(ReplyUnroutable):
        await worker.replies.send(address, batch(), must_route=True)


async def test_a_failed_reader_continues_to_receive(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    received: list[EventBatch] = []

    def fail_at_first(one: EventBatch) -> None:
        received.append(one)
        if len(received) == 1:
            raise RuntimeError("a bug of the reader")

    inbox = await gateway.replies.open_inbox(fail_at_first, never)
    await worker.replies.send(inbox.address, batch(0), must_route=True)
    await worker.replies.send(inbox.address, batch(1), must_route=True)
    await eventually(lambda: len(received) == 2)


async def test_a_batch_over_the_limit_is_refused_and_the_stream_continues(brokers: Brokers) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    received: list[EventBatch] = []
    inbox = await gateway.replies.open_inbox(received.append, never)
    with pytest.raises(PayloadTooLarge):
        await worker.replies.send(inbox.address, batch(0, text="x" * 9_000_000), must_route=False)
    await worker.replies.send(inbox.address, batch(0), must_route=True)
    await eventually(lambda: received)


async def test_nothing_is_sent_after_stop(brokers: Brokers) -> None:
    broker = await brokers.open()
    await broker.stop()
    with pytest.raises(BrokerUnavailable):
        await broker.replies.send(brokers.topology.reply_inbox.new_name(), batch(), must_route=False)
