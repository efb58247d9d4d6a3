"""RabbitMQ: one shared server, and one that tests may kill."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.brokers import Brokers

from flowport.servers.rabbitmq import RabbitMQServer
from shared.broker.rabbitmq.clients import AmqpClient


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    """A server that only this test module uses, and may kill."""
    server = RabbitMQServer(tmp_path_factory.mktemp("mortal"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", params=list(AmqpClient))
def client(request: pytest.FixtureRequest) -> AmqpClient:
    """Each AMQP client in turn."""
    chosen: AmqpClient = request.param
    return chosen


@pytest.fixture
async def brokers(amqp_url: str, client: AmqpClient) -> AsyncIterator[Brokers]:
    """Brokers on the shared server, with queues of this test alone."""
    async with Brokers(amqp_url, client=client) as opened:
        yield opened
