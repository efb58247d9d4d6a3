"""Bundles on a real broker: each message is handled, settled and lost independently."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.support.broker_samples import DeadLetterRecorder, Holder, Recorder, batch, dispatched
from tests.support.brokers import Brokers, collect_bodies, declare_private, publish_raw, raw_channel
from tests.support.eventually import eventually

from shared.broker.bundles import Part, encode_bundle
from shared.broker.message_bodies import encode_body
from shared.broker.ports import Broker, Delivery, Settlement
from shared.contracts.events import RunEnded
from shared.contracts.messages import Bundle, DurableRunDispatched, EventBatch, decode
from shared.contracts.runs import cancelled_without_worker

SLOTS = 100
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def never() -> None:
    raise AssertionError("the broker was not lost")


async def heard_from(gateway: Broker, *workers: Broker) -> None:
    """Let each worker reply once, so that the gateway knows it."""
    received: list[EventBatch] = []
    inbox = await gateway.replies.open_inbox(received.append, never)
    for worker in workers:
        await worker.replies.send(inbox.address, batch(), must_route=True)
    await eventually(lambda: len(received) == len(workers))


async def take(worker: Broker, brokers: Brokers, handler: Recorder | Holder, *, free: int = SLOTS) -> None:
    await worker.work.consume(brokers.transient, handler, prefetch=SLOTS, may_be_missing=True, free=lambda: free)


async def publish(gateway: Broker, queue: str, count: int) -> None:
    await asyncio.gather(*(gateway.work.publish(queue, dispatched(number)) for number in range(count)))


async def publish_bundle(brokers: Brokers, *bodies: bytes, ttl_ms: int | None = None) -> None:
    async with raw_channel(brokers.url) as channel:
        await publish_raw(channel, encode_bundle([Part(body) for body in bodies]), brokers.transient, ttl_ms=ttl_ms)


def sizes(bodies: list[bytes]) -> list[int]:
    """Return how many messages are in each."""
    messages = [decode(body).message for body in bodies]
    return [len(message.parts) if isinstance(message, Bundle) else 1 for message in messages]


def failing(run_id: str, settlement: Settlement) -> Callable[[Delivery], Settlement]:
    def decide(delivery: Delivery) -> Settlement:
        assert isinstance(delivery.message, DurableRunDispatched)
        return settlement if delivery.message.run_id == run_id else Settlement.ACK

    return decide


async def test_messages_published_in_one_turn_arrive_together_and_are_handled_individually(brokers: Brokers) -> None:
    gateway, worker, recorder = await brokers.open(), await brokers.open(), Recorder()
    await take(worker, brokers, recorder)
    await heard_from(gateway, worker)
    await publish(gateway, brokers.transient, 10)
    await eventually(lambda: len(recorder.deliveries) == 10)
    assert recorder.run_ids == [f"run-{number}" for number in range(10)]
    assert not any(delivery.redelivered for delivery in recorder.deliveries)


async def test_idle_workers_share_what_one_turn_publishes(brokers: Brokers) -> None:
    gateway, one, two = await brokers.open(), await brokers.open(), await brokers.open()
    first, second = Holder(), Holder()
    await take(one, brokers, first)
    await take(two, brokers, second)
    await heard_from(gateway, one, two)
    await publish(gateway, brokers.transient, 12)
    await eventually(lambda: len(first.held) + len(second.held) == 12)
    assert len(first.held) == len(second.held) == 6


@pytest.mark.parametrize(("free", "expected"), [(SLOTS, [6]), (4, [4]), (1, [])])
async def test_a_bundle_never_exceeds_the_free_slots_of_its_receiver(
    brokers: Brokers, free: int, expected: list[int]
) -> None:
    gateway, worker = await brokers.open(), await brokers.open()
    recorder = Recorder()
    subscription = await worker.work.consume(
        brokers.transient, recorder, prefetch=SLOTS, may_be_missing=True, free=lambda: free
    )
    await heard_from(gateway, worker)
    await subscription.stop_consuming()
    async with raw_channel(brokers.url) as channel:
        bodies = await collect_bodies(channel, brokers.transient)
        await publish(gateway, brokers.transient, 6)
        await eventually(lambda: sum(sizes(bodies)) == 6)
    assert [size for size in sizes(bodies) if size > 1] == expected


async def test_before_a_worker_replied_each_message_is_sent_alone(brokers: Brokers) -> None:
    gateway = await brokers.open()
    async with raw_channel(brokers.url) as channel:
        await channel.queue_declare(
            brokers.transient, durable=True, arguments={**brokers.topology.queue(brokers.transient).arguments}
        )
        bodies = await collect_bodies(channel, brokers.transient)
        await publish(gateway, brokers.transient, 8)
        await eventually(lambda: len(bodies) == 8)
    assert sizes(bodies) == [1] * 8


async def test_replies_of_one_turn_leave_together(brokers: Brokers) -> None:
    worker = await brokers.open()
    address = brokers.topology.reply_inbox.new_name()
    async with raw_channel(brokers.url) as channel:
        await declare_private(channel, address)
        bodies = await collect_bodies(channel, address)
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(
                    worker.replies.send(address, batch(run_id=f"run-{number}"), must_route=number % 2 == 0)
                )
        await eventually(lambda: sum(sizes(bodies)) == 100)
    assert sizes(bodies) == [64, 36]


async def test_a_failed_message_of_a_bundle_is_redelivered_alone(brokers: Brokers) -> None:
    worker = await brokers.open()
    recorder = Recorder(failing("run-1", Settlement.REDELIVER))
    undertaker = DeadLetterRecorder()
    await worker.work.drain(brokers.dead, undertaker, prefetch=1)
    await take(worker, brokers, recorder)
    await publish_bundle(brokers, *(encode_body(dispatched(number)) for number in range(3)))
    await eventually(lambda: undertaker.letters)
    assert sorted(recorder.run_ids) == ["run-0", "run-1", "run-1", "run-2"]
    assert [delivery.redelivered for delivery in recorder.deliveries] == [False, False, False, True]
    assert [letter.body for letter in undertaker.letters] == [encode_body(dispatched(1))]
    assert undertaker.letters[0].queue == brokers.transient


async def test_a_failing_message_does_not_delay_the_others_of_its_bundle(brokers: Brokers) -> None:
    worker, released = await brokers.open(), asyncio.Event()
    handled: list[tuple[str, bool]] = []

    async def handle(delivery: Delivery) -> Settlement:
        assert isinstance(delivery.message, DurableRunDispatched)
        handled.append((delivery.message.run_id, delivery.redelivered))
        if delivery.message.run_id == "run-1":
            return Settlement.ACK if delivery.redelivered else Settlement.REDELIVER
        await released.wait()
        return Settlement.ACK

    await worker.work.consume(brokers.transient, handle, prefetch=SLOTS, may_be_missing=True)
    await publish_bundle(brokers, *(encode_body(dispatched(number)) for number in range(3)))
    await eventually(lambda: ("run-1", True) in handled)
    released.set()


async def test_an_unreadable_message_dies_alone(brokers: Brokers) -> None:
    worker, recorder, undertaker = await brokers.open(), Recorder(), DeadLetterRecorder()
    await worker.work.drain(brokers.dead, undertaker, prefetch=1)
    await take(worker, brokers, recorder)
    await publish_bundle(brokers, encode_body(dispatched(0)), b'{"v":99}', encode_body(dispatched(2)))
    await eventually(lambda: undertaker.letters)
    assert recorder.run_ids == ["run-0", "run-2"]
    assert [(letter.body, letter.reason) for letter in undertaker.letters] == [(b'{"v":99}', "rejected")]


async def test_each_message_of_a_bundle_expires(brokers: Brokers) -> None:
    worker, holder, undertaker = await brokers.open(), Holder(), DeadLetterRecorder()
    taking = await worker.work.consume(brokers.transient, holder, prefetch=1, may_be_missing=True)
    await eventually(lambda: taking.is_consuming)
    await taking.stop_consuming()
    await worker.work.drain(brokers.dead, undertaker, prefetch=10)
    await publish_bundle(brokers, *(encode_body(dispatched(number)) for number in range(3)), ttl_ms=0)
    await eventually(lambda: len(undertaker.letters) == 3)
    assert [letter.body for letter in undertaker.letters] == [encode_body(dispatched(number)) for number in range(3)]
    assert undertaker.reasons == ["expired"] * 3


async def test_each_message_of_a_dead_workers_bundle_is_redelivered(brokers: Brokers) -> None:
    gateway, worker, other = await brokers.open(), await brokers.open(), await brokers.open()
    holder, recorder = Holder(), Recorder()
    await take(worker, brokers, holder)
    await heard_from(gateway, worker)
    await publish(gateway, brokers.transient, 5)
    await eventually(lambda: len(holder.held) == 5)
    await take(other, brokers, recorder)
    await worker.stop()
    await eventually(lambda: len(recorder.deliveries) == 5)
    assert all(delivery.redelivered for delivery in recorder.deliveries)


async def test_unroutable_replies_are_reported_only_where_delivery_is_required(brokers: Brokers) -> None:
    worker = await brokers.open()
    address = brokers.topology.reply_inbox.new_name()
    answers = await asyncio.gather(
        worker.replies.send(address, batch(run_id="run-0"), must_route=True),
        worker.replies.send(address, batch(run_id="run-1"), must_route=False),
        return_exceptions=True,
    )
    assert [type(answer).__name__ for answer in answers] == ["ReplyUnroutable", "NoneType"]
    with pytest.raises(Exception, match="no longer exists"):
        await worker.replies.send(address, batch(1, run_id="run-1"), must_route=True)


async def test_a_reply_that_ends_a_run_reports_its_slot_as_free(brokers: Brokers) -> None:
    worker = await brokers.open()
    await take(worker, brokers, Recorder(), free=3)
    address = brokers.topology.reply_inbox.new_name()
    ended = EventBatch("run-1", 0, (RunEnded(cancelled_without_worker(NOW, NOW)),))
    async with raw_channel(brokers.url) as channel:
        await declare_private(channel, address)
        bodies = await collect_bodies(channel, address)
        await asyncio.gather(
            worker.replies.send(address, batch(), must_route=True), worker.replies.send(address, ended, must_route=True)
        )
        await eventually(lambda: bodies)
    bundle = decode(bodies[0]).message
    assert isinstance(bundle, Bundle)
    assert bundle.free == 4
