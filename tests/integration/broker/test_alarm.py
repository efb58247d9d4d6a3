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

ENOUGH, LOW = "0.6", "0.00001"
"""RabbitMQ's default, and a limit below its usage."""


class Memory:
    """Limit of the server's memory.

    Each change starts an Erlang node. On a busy machine that takes longer than the connections of the same process may
    be silent: call it in a thread.
    """

    def __init__(self, server: RabbitMQServer) -> None:
        self._server = server
        self._limit = ENOUGH

    def set(self, limit: str) -> None:
        if limit != self._limit:
            self._server.ctl("set_vm_memory_high_watermark", limit)
            self._limit = limit


@pytest.fixture
def memory(rabbitmq: RabbitMQServer) -> Iterator[Memory]:
    """The memory of the shared server, enough again after the test."""
    memory = Memory(rabbitmq)
    yield memory
    memory.set(ENOUGH)


async def refuses(broker: Broker) -> bool:
    try:
        await broker.ping()
    except BrokerUnavailable:
        return True
    return False


async def test_an_alarm_refuses_publishes_immediately_lets_consumers_finish_and_is_logged(
    rabbitmq: RabbitMQServer, memory: Memory
) -> None:
    async with Brokers(rabbitmq.amqp_url) as brokers:
        with capture_logs() as logs:
            broker = await brokers.open()
            recorder = Recorder()
            for number in range(20):
                await broker.work.publish(brokers.work, dispatched(number))
            await broker.ping()
            assert usable_metric()
            await asyncio.to_thread(memory.set, LOW)
            await refuses_without_waiting(broker, brokers.work, brokers.topology.reply_inbox.new_name())
            assert not usable_metric()
            await broker.work.consume(brokers.work, recorder, prefetch=1)
            await eventually(lambda: len(recorder.deliveries) >= 20)

            await asyncio.to_thread(memory.set, ENOUGH)
            async with asyncio.timeout(60):
                await recovery(broker)
        assert usable_metric()
        await broker.work.publish(brokers.work, dispatched(99))
        await eventually(lambda: recorder.run_ids[-1] == "run-99")
    entries = [(line["log_level"], line["event"]) for line in logs if "publishing" in line["event"]]
    assert entries == [("warning", "broker_publishing_blocked"), ("info", "broker_publishing_unblocked")]


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
