"""A queue that is unavailable when its consumer starts: consumption begins once it is available."""

from uuid import uuid4

import pytest
from tests.support.broker_samples import Holder, Recorder, dispatched
from tests.support.brokers import Brokers, raw_channel
from tests.support.eventually import eventually, until
from tests.support.rabbitmq import RabbitMQServer

from flowport.servers.ports import LOOPBACK
from shared.broker.connect import open_broker
from shared.broker.permissions import Permissions
from shared.broker.ports import BrokerDisconnected, QueueFull
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management


async def test_it_is_taken_from_once_it_is_there(rabbitmq: RabbitMQServer) -> None:
    user, password = uuid4().hex, uuid4().hex
    nothing_to_make = Permissions(configure="^$", write=".*", read=".*")
    await Management(rabbitmq.management_url).set_user(user, password, nothing_to_make)
    async with Brokers(rabbitmq.amqp_url) as brokers:
        url = f"amqp://{user}:{password}@{LOOPBACK}:{rabbitmq.port}/"
        late = open_broker(url, service="test", topology=brokers.topology)
        maker = await brokers.open()
        async with raw_channel(rabbitmq.amqp_url) as channel:
            await channel.exchange_declare(brokers.topology.control_exchange, exchange_type="fanout", durable=True)
        await late.start()
        recorder = Recorder()
        subscription = await late.work.consume(brokers.transient, recorder, prefetch=1, may_be_missing=True)
        assert not subscription.is_consuming

        with pytest.raises(BrokerDisconnected, match="there is no queue"):
            await maker.work.publish(brokers.transient, dispatched())
        await declare_topology(rabbitmq.amqp_url, brokers.topology)
        await eventually(lambda: subscription.is_consuming)
        await maker.work.publish(brokers.transient, dispatched())
        await eventually(lambda: recorder.deliveries)
        await late.stop()


@pytest.mark.parametrize("is_durable", [False, True])
async def test_deliveries_from_a_deleted_memory_queue_stay_with_their_handler(
    rabbitmq: RabbitMQServer, *, is_durable: bool
) -> None:
    async with Brokers(rabbitmq.amqp_url) as brokers, raw_channel(rabbitmq.amqp_url) as channel:
        broker, holder = await brokers.open(), Holder()
        queue = brokers.work if is_durable else brokers.transient
        taking = await broker.work.consume(queue, holder, prefetch=1, may_be_missing=True)
        await eventually(lambda: taking.is_consuming)
        await broker.work.publish(queue, dispatched())
        await eventually(lambda: holder.held)
        await channel.queue_delete(queue)  # a consumer is notified, as when the queue's node dies

        async def is_published() -> bool:
            try:
                await broker.work.publish(queue, dispatched())
            except (BrokerDisconnected, QueueFull):  # not declared again; refused by a queue that is being deleted
                return False
            return True

        await until(is_published)
        await eventually(lambda: taking.is_consuming)
        assert holder.held[0].is_held() is not is_durable
        holder.release()
        await eventually(lambda: len(holder.held) == 2)
