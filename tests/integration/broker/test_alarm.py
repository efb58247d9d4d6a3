"""RabbitMQ runs out of memory: it stops reading from publishers."""

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from tests.support.broker_samples import Recorder, batch, dispatched
from tests.support.brokers import Brokers, usable_metric
from tests.support.eventually import eventually, until

from flowport.servers.rabbitmq import RabbitMQServer
from shared.broker.ports import Broker, BrokerUnavailable
from shared.broker.rabbitmq.clients import AmqpClient

DEFAULT_WATERMARK = "0.6"


def set_watermark(server: RabbitMQServer, fraction: str) -> None:
    server.ctl("set_vm_memory_high_watermark", fraction)


@pytest.fixture
def alarmed(rabbitmq: RabbitMQServer) -> Iterator[RabbitMQServer]:
    """The server, whose alarm the test raises and the fixture clears."""
    yield rabbitmq
    set_watermark(rabbitmq, DEFAULT_WATERMARK)


async def refuses(broker: Broker) -> bool:
    try:
        await broker.ping()
    except BrokerUnavailable:
        return True
    return False


async def test_an_alarm_refuses_publishes_immediately_and_lets_consumers_finish(
    alarmed: RabbitMQServer, client: AmqpClient
) -> None:
    async with Brokers(alarmed.amqp_url, client=client) as brokers:
        broker = await brokers.open()
        recorder = Recorder()
        for number in range(20):
            await broker.work.publish(brokers.work, dispatched(number))
        await broker.ping()
        assert usable_metric()
        set_watermark(alarmed, "0.00001")
        await refuses_without_waiting(broker, brokers.work, brokers.topology.reply_inbox.new_name())
        assert not usable_metric()
        await broker.work.consume(brokers.work, recorder, prefetch=1)
        await eventually(lambda: len(recorder.deliveries) >= 20)

        set_watermark(alarmed, DEFAULT_WATERMARK)
        async with asyncio.timeout(60):
            await recovery(broker)
        assert usable_metric()
        await broker.work.publish(brokers.work, dispatched(99))
        await eventually(lambda: recorder.run_ids[-1] == "run-99")


async def test_an_alarm_and_its_end_are_logged(alarmed: RabbitMQServer, client: AmqpClient) -> None:
    async with Brokers(alarmed.amqp_url, client=client) as brokers:
        with capture_logs() as logs:
            broker = await brokers.open()
            set_watermark(alarmed, "0.00001")
            async with asyncio.timeout(30):
                await until(lambda: refuses(broker))
            set_watermark(alarmed, DEFAULT_WATERMARK)
            async with asyncio.timeout(60):
                await recovery(broker)
    reason = {AmqpClient.NATIVE: "low on memory", AmqpClient.AIO_PIKA: "the broker blocked the connection"}[client]
    told = [(line["log_level"], line["event"], line.get("reason")) for line in logs if "publishing" in line["event"]]
    assert told == [
        ("warning", "broker_publishing_blocked", reason),
        ("info", "broker_publishing_unblocked", None),
    ]


async def recovery(broker: Broker) -> None:
    while await refuses(broker):  # noqa: ASYNC110 - the broker has no event to wait for
        await asyncio.sleep(0.05)


async def refuses_without_waiting(broker: Broker, queue: str, address: str) -> None:
    """Check that publishes fail immediately. The broker signals the alarm to a connection at its next publish; from
    then on the client sends nothing."""
    async with asyncio.timeout(30):
        await until(lambda: refuses(broker))
        for _ in range(50):
            with pytest.raises(BrokerUnavailable):
                await broker.work.publish(queue, dispatched())
            with pytest.raises(BrokerUnavailable):
                await broker.replies.send(address, batch(), must_route=True)
