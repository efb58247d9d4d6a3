"""The contract of WorkQueue."""

import asyncio

import pytest
from tests.support.broker_samples import DeadLetterRecorder, Holder, Recorder, dispatched
from tests.support.brokers import SMALL, Brokers
from tests.support.eventually import eventually

from shared.broker.ports import Broker, BrokerUnavailable, DeadLetter, Delivery, QueueFull, Settlement
from shared.contracts.messages import DurableRunDispatched, decode
from shared.errors import PayloadTooLarge

DEFAULT_DELIVERY_LIMIT = 20


async def test_messages_arrive_in_order_with_their_trace(broker: Broker, brokers: Brokers) -> None:
    recorder = Recorder()
    for number in range(10):
        await broker.work.publish(brokers.work, dispatched(number), traceparent=f"00-{number:032x}-{1:016x}-01")
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await eventually(lambda: len(recorder.deliveries) == 10)
    assert recorder.run_ids == [f"run-{number}" for number in range(10)]
    assert recorder.deliveries[7].traceparent == f"00-{7:032x}-{1:016x}-01"
    assert not any(delivery.redelivered for delivery in recorder.deliveries)


async def test_an_acked_message_is_not_redelivered(broker: Broker, brokers: Brokers) -> None:
    recorder = Recorder()
    await broker.work.publish(brokers.work, dispatched())
    first = await broker.work.consume(brokers.work, recorder, prefetch=1)
    await eventually(lambda: recorder.deliveries)
    await first.close(grace=1)
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await asyncio.sleep(0.1)
    assert len(recorder.deliveries) == 1


async def test_consumers_of_two_brokers_share_the_work(brokers: Brokers) -> None:
    publisher, first, second = await brokers.open(), await brokers.open(), await brokers.open()
    one, two = Holder(), Holder()
    await first.work.consume(brokers.work, one, prefetch=2)
    await second.work.consume(brokers.work, two, prefetch=2)
    for number in range(4):
        await publisher.work.publish(brokers.work, dispatched(number))
    await eventually(lambda: len(one.held) == 2 and len(two.held) == 2)


async def test_unsettled_deliveries_never_exceed_the_prefetch_limit(broker: Broker, brokers: Brokers) -> None:
    holder = Holder()
    await broker.work.consume(brokers.work, holder, prefetch=3)
    for number in range(5):
        await broker.work.publish(brokers.work, dispatched(number))
    await eventually(lambda: len(holder.held) == 3)
    await asyncio.sleep(0.05)
    assert len(holder.held) == 3
    holder.release()
    await eventually(lambda: len(holder.held) == 5)


async def test_a_full_queue_refuses_messages_until_there_is_room(broker: Broker, brokers: Brokers) -> None:
    taken = 0
    with pytest.raises(QueueFull):
        for number in range(4 * SMALL):
            await broker.work.publish(brokers.small, dispatched(number))
            taken += 1
    assert SMALL <= taken < 4 * SMALL  # RabbitMQ enforces its bound softly
    recorder = Recorder()
    await broker.work.consume(brokers.small, recorder, prefetch=1)
    await eventually(lambda: len(recorder.deliveries) == taken)
    await broker.work.publish(brokers.small, dispatched(99))
    await eventually(lambda: recorder.run_ids[-1] == "run-99")


async def test_a_queue_of_length_one_accepts_messages_for_the_free_slots_and_one_more(
    broker: Broker, brokers: Brokers
) -> None:
    holder = Holder()
    subscription = await broker.work.consume(brokers.transient, holder, prefetch=3, may_be_missing=True)
    await eventually(lambda: subscription.is_consuming)
    for number in range(4):
        await broker.work.publish(brokers.transient, dispatched(number))
    await eventually(lambda: len(holder.held) == 3)
    with pytest.raises(QueueFull):
        await broker.work.publish(brokers.transient, dispatched(4))
    holder.release()
    await eventually(lambda: len(holder.held) == 4)
    await broker.work.publish(brokers.transient, dispatched(5))


async def test_a_message_that_fails_twice_in_a_transient_queue_becomes_a_dead_letter(
    broker: Broker, brokers: Brokers
) -> None:
    failing, dead = Recorder(lambda delivery: Settlement.REDELIVER), DeadLetterRecorder()
    subscription = await broker.work.consume(brokers.transient, failing, prefetch=1, may_be_missing=True)
    await eventually(lambda: subscription.is_consuming)
    await broker.work.drain(brokers.dead, dead, prefetch=1)
    await broker.work.publish(brokers.transient, dispatched())
    await eventually(lambda: dead.letters)
    assert [delivery.redelivered for delivery in failing.deliveries] == [False, True]


async def test_a_message_over_the_limit_is_refused_before_it_is_sent(broker: Broker, brokers: Brokers) -> None:
    huge = DurableRunDispatched(run_id="x" * 9_000_000, dispatch_id="", workspace_id="")
    with pytest.raises(PayloadTooLarge):
        await broker.work.publish(brokers.work, huge)
    await broker.work.publish(brokers.work, dispatched())


async def test_a_message_of_several_megabytes_arrives_whole(broker: Broker, brokers: Brokers) -> None:
    large = DurableRunDispatched(run_id="é" * 2_000_000, dispatch_id="", workspace_id="")
    recorder = Recorder()
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await broker.work.publish(brokers.work, large)
    await eventually(lambda: recorder.deliveries)
    assert recorder.deliveries[0].message == large


async def test_a_queue_that_is_not_in_the_topology_is_refused(broker: Broker) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        await broker.work.publish("nowhere", dispatched())
    with pytest.raises(ValueError, match="nowhere"):
        await broker.work.consume("nowhere", Recorder(), prefetch=1)


async def test_a_requeued_message_is_marked_as_redelivered(broker: Broker, brokers: Brokers) -> None:
    recorder = Recorder(lambda d: Settlement.ACK if d.redelivered else Settlement.REDELIVER)
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: len(recorder.deliveries) == 2)
    assert [delivery.redelivered for delivery in recorder.deliveries] == [False, True]


async def test_a_message_is_redelivered_to_a_handler_that_raised(broker: Broker, brokers: Brokers) -> None:
    def fail_once(delivery: Delivery) -> Settlement:
        if not delivery.redelivered:
            raise RuntimeError("the first try fails")
        return Settlement.ACK

    recorder = Recorder(fail_once)
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: len(recorder.deliveries) == 2)


async def test_a_message_that_always_fails_becomes_a_dead_letter(broker: Broker, brokers: Brokers) -> None:
    failing, dead = Recorder(lambda delivery: Settlement.REDELIVER), DeadLetterRecorder()
    await broker.work.consume(brokers.work, failing, prefetch=1)
    await broker.work.drain(brokers.dead, dead, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: dead.letters)
    assert dead.reasons == ["delivery_limit"]
    assert decode(dead.letters[0].body).message == dispatched()
    assert len(failing.deliveries) == DEFAULT_DELIVERY_LIMIT + 1


async def test_a_rejected_message_becomes_a_dead_letter_immediately(broker: Broker, brokers: Brokers) -> None:
    rejecting, dead = Recorder(lambda delivery: Settlement.DEAD_LETTER), DeadLetterRecorder()
    await broker.work.consume(brokers.work, rejecting, prefetch=1)
    await broker.work.drain(brokers.dead, dead, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: dead.letters)
    assert dead.reasons == ["rejected"]
    assert len(rejecting.deliveries) == 1


async def test_an_expired_message_reaches_no_worker_and_becomes_a_dead_letter(broker: Broker, brokers: Brokers) -> None:
    late, dead = Recorder(), DeadLetterRecorder()
    await broker.work.drain(brokers.dead, dead, prefetch=1)
    await broker.work.publish(brokers.work, dispatched(), ttl_ms=20)
    await eventually(lambda: dead.letters)
    await broker.work.consume(brokers.work, late, prefetch=1)
    await broker.work.publish(brokers.work, dispatched(1), ttl_ms=60_000)
    await eventually(lambda: late.deliveries)
    assert late.run_ids == ["run-1"]
    assert dead.reasons == ["expired"]


async def test_any_time_to_live_is_accepted(broker: Broker, brokers: Brokers) -> None:
    recorder, dead = Recorder(), DeadLetterRecorder()
    await broker.work.drain(brokers.dead, dead, prefetch=1)
    await broker.work.publish(brokers.work, dispatched(0), ttl_ms=-1)
    await eventually(lambda: dead.letters)
    assert dead.reasons == ["expired"]
    await broker.work.publish(brokers.work, dispatched(1), ttl_ms=2**40)
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await eventually(lambda: recorder.deliveries)
    assert recorder.run_ids == ["run-1"]


async def test_a_cancelled_consumer_finishes_its_deliveries(broker: Broker, brokers: Brokers) -> None:
    holder = Holder()
    subscription = await broker.work.consume(brokers.work, holder, prefetch=5)
    await broker.work.publish(brokers.work, dispatched(0))
    await eventually(lambda: holder.held)
    before = subscription.is_consuming
    await subscription.stop_consuming()
    assert (before, subscription.is_consuming) == (True, False)
    await broker.work.publish(brokers.work, dispatched(1))
    holder.release()
    await subscription.close(grace=5)
    assert len(holder.held) == 1
    assert holder.cancelled == 0
    rest = Recorder()
    await broker.work.consume(brokers.work, rest, prefetch=5)
    await eventually(lambda: rest.deliveries)
    assert rest.run_ids == ["run-1"]


async def test_deliveries_unfinished_after_the_grace_period_are_cancelled_and_redelivered(
    broker: Broker, brokers: Brokers
) -> None:
    holder, next_one = Holder(), Recorder()
    subscription = await broker.work.consume(brokers.work, holder, prefetch=5)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: holder.held)
    await subscription.close(grace=0.05)
    assert holder.cancelled == 1
    await broker.work.consume(brokers.work, next_one, prefetch=1)
    await eventually(lambda: next_one.deliveries)
    assert next_one.deliveries[0].redelivered


async def test_stopping_the_broker_requeues_unsettled_deliveries(brokers: Brokers) -> None:
    first, second = await brokers.open(), await brokers.open()
    holder, next_one = Holder(), Recorder()
    await first.work.consume(brokers.work, holder, prefetch=1)
    await second.work.publish(brokers.work, dispatched())
    await eventually(lambda: holder.held)
    await first.stop()
    await second.work.consume(brokers.work, next_one, prefetch=1)
    await eventually(lambda: next_one.deliveries)
    assert next_one.deliveries[0].redelivered


async def test_concurrently_published_messages_are_each_delivered_once(brokers: Brokers) -> None:
    publisher, worker = await brokers.open(), await brokers.open()
    recorder = Recorder()
    await worker.work.consume(brokers.work, recorder, prefetch=50)
    async with asyncio.TaskGroup() as group:
        for number in range(500):
            group.create_task(publisher.work.publish(brokers.work, dispatched(number)))
    await eventually(lambda: len(recorder.deliveries) == 500)
    assert set(recorder.run_ids) == {f"run-{number}" for number in range(500)}


async def test_nothing_works_before_start_and_after_stop(brokers: Brokers) -> None:
    broker = await brokers.open()
    await broker.stop()
    with pytest.raises(BrokerUnavailable):
        await broker.work.publish(brokers.work, dispatched())
    with pytest.raises(BrokerUnavailable):
        await broker.work.consume(brokers.work, Recorder(), prefetch=1)


async def test_a_drain_gets_unchanged_dead_letters(broker: Broker, brokers: Brokers) -> None:
    dead = DeadLetterRecorder()
    await broker.work.consume(brokers.work, Recorder(lambda delivery: Settlement.DEAD_LETTER), prefetch=1)
    await broker.work.drain(brokers.dead, dead, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: dead.letters)
    assert (dead.letters[0].queue, dead.letters[0].reason) == (brokers.work, "rejected")
    assert decode(dead.letters[0].body).message == dispatched()


async def test_a_requeued_dead_letter_is_redelivered(broker: Broker, brokers: Brokers) -> None:
    seen: list[DeadLetter] = []

    async def second_time(letter: DeadLetter) -> Settlement:
        seen.append(letter)
        return Settlement.ACK if len(seen) > 1 else Settlement.REDELIVER

    await broker.work.consume(brokers.work, Recorder(lambda delivery: Settlement.DEAD_LETTER), prefetch=1)
    await broker.work.drain(brokers.dead, second_time, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: len(seen) == 2)
    assert seen[0] == seen[1]
