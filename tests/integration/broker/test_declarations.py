"""Declared arguments, policies, and deviations from either."""

import asyncio
import contextlib

import pytest
from tests.support.broker_samples import DeadLetterRecorder, Recorder, dispatched
from tests.support.brokers import Brokers, raw_channel
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.rabbitmq import with_wrong_password

from flowport.servers.rabbitmq import RabbitMQServer
from shared.broker.ports import BrokerUnavailable, QueueFull, Settlement
from shared.broker.queue_topology import LONGEST_RUN_SECONDS, DeadLettering, Policy, default_topology
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management


async def test_policies_are_missing_then_applied_and_applying_again_changes_nothing(rabbitmq: RabbitMQServer) -> None:
    management = Management(rabbitmq.management_url)
    brokers = Brokers(rabbitmq.amqp_url, work_policy=Policy(max_length=7))
    assert await management.drifted_policies(brokers.topology) == (brokers.work, brokers.transient)
    await management.apply_policies(brokers.topology)
    await management.apply_policies(brokers.topology)
    assert await management.drifted_policies(brokers.topology) == ()
    other = Brokers(rabbitmq.amqp_url, work_policy=Policy(max_length=8))
    assert await management.drifted_policies(other.topology) == (other.work, other.transient)
    await management.remove_policies(brokers.topology)
    assert await management.drifted_policies(brokers.topology) == (brokers.work, brokers.transient)


async def test_a_missing_management_api_is_reported() -> None:
    with pytest.raises(BrokerUnavailable):
        await Management("http://127.0.0.1:9").apply_policies(default_topology(LONGEST_RUN_SECONDS))


async def test_a_topology_cannot_be_declared_without_a_broker() -> None:
    with pytest.raises(BrokerUnavailable):
        await declare_topology("amqp://127.0.0.1:9/", default_topology(LONGEST_RUN_SECONDS))


async def test_wrong_management_credentials_are_reported(rabbitmq: RabbitMQServer) -> None:
    url = with_wrong_password(rabbitmq.management_url)
    with pytest.raises(BrokerUnavailable, match="401"):
        await Management(url).apply_policies(default_topology(LONGEST_RUN_SECONDS))


async def test_a_policy_tightens_the_declared_bound_and_the_delivery_limit(rabbitmq: RabbitMQServer) -> None:
    policy = Policy(max_length=3, delivery_limit=1, dead_lettering=DeadLettering.AT_LEAST_ONCE)
    management = Management(rabbitmq.management_url)
    async with Brokers(rabbitmq.amqp_url, work_policy=policy) as brokers:
        await management.apply_policies(brokers.topology)
        broker = await brokers.open()
        with pytest.raises(QueueFull):
            for number in range(20):
                await broker.work.publish(brokers.work, dispatched(number))
        failing, dead = Recorder(lambda delivery: Settlement.REDELIVER), DeadLetterRecorder()
        await broker.work.consume(brokers.work, failing, prefetch=1)
        await broker.work.drain(brokers.dead, dead, prefetch=1)
        await eventually(lambda: dead.letters and len(failing.deliveries) == 2 * len(dead.letters))
        assert set(dead.reasons) == {"delivery_limit"}
        await management.remove_policies(brokers.topology)


async def test_the_whole_topology_can_be_declared_and_used(rabbitmq: RabbitMQServer) -> None:
    topology = default_topology(LONGEST_RUN_SECONDS)
    await declare_topology(rabbitmq.amqp_url, topology)
    await declare_topology(rabbitmq.amqp_url, topology)
    await Management(rabbitmq.management_url).apply_policies(topology)
    async with Brokers(rabbitmq.amqp_url) as brokers:
        brokers.topology = topology
        broker = await brokers.open()
        for name in topology.queues:
            await broker.work.publish(name, dispatched())
        await broker.ping()
        await broker.ping()
        recorder = Recorder()
        for name in topology.queues:
            await broker.work.consume(name, recorder, prefetch=1)
        await eventually(lambda: len(recorder.deliveries) == len(topology.queues))


async def test_a_queue_that_exists_with_other_settings_is_used_as_it_is(brokers: Brokers) -> None:
    async with raw_channel(brokers.url) as older_version:
        await older_version.queue_declare(
            brokers.work, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 77}
        )
    broker = await brokers.open()
    recorder = Recorder()
    await broker.work.publish(brokers.work, dispatched())
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await eventually(lambda: recorder.deliveries)


async def test_a_publisher_detects_a_deleted_queue_once_and_redeclares_it(brokers: Brokers) -> None:
    broker = await brokers.open()
    await broker.work.publish(brokers.work, dispatched(1))
    async with raw_channel(brokers.url) as operator:
        await operator.queue_delete(brokers.work)
    with pytest.raises(BrokerUnavailable):
        await broker.work.publish(brokers.work, dispatched(2))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(broker.work.publish(brokers.work, dispatched(number)) for number in range(300)))


async def test_a_queue_deleted_without_consumers_is_declared_again_for_the_next_consumer(brokers: Brokers) -> None:
    broker, recorder = await brokers.open(), Recorder()
    await (await broker.work.consume(brokers.work, recorder, prefetch=1)).close(grace=1)
    async with raw_channel(brokers.url) as operator:
        await operator.queue_delete(brokers.work)
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    await broker.work.publish(brokers.work, dispatched())
    await eventually(lambda: recorder.deliveries)


async def test_a_consumer_redeclares_a_deleted_queue_and_leaves_the_inbox_alone(brokers: Brokers) -> None:
    broker, publisher = await brokers.open(), await brokers.open()
    recorder = Recorder()
    lost: list[None] = []
    inbox = await broker.replies.open_inbox(lambda batch: None, lambda: lost.append(None))
    address = inbox.address
    await broker.work.consume(brokers.work, recorder, prefetch=1)
    async with raw_channel(brokers.url) as operator:
        await operator.queue_delete(brokers.work)
        async with asyncio.timeout(30):
            while not recorder.deliveries:
                with contextlib.suppress(BrokerUnavailable, QueueFull):  # while the queue is being deleted, it refuses
                    await publisher.work.publish(brokers.work, dispatched())
                await asyncio.sleep(0.05)
    assert inbox.address == address
    assert not lost
