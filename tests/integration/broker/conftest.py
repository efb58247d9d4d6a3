"""RabbitMQ: the server of the test session, and its clients."""

from collections.abc import AsyncIterator

import pytest
from tests.support.brokers import Brokers

from shared.broker.rabbitmq.clients import AmqpClient


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
