"""The brokers that must fulfill the same contract."""

from collections.abc import AsyncIterator

import pytest
from tests.support.brokers import Brokers

from shared.broker.ports import Broker
from shared.broker.rabbitmq.clients import AmqpClient


@pytest.fixture(params=["memory", *AmqpClient])
async def brokers(request: pytest.FixtureRequest) -> AsyncIterator[Brokers]:
    """The kind of broker under test, RabbitMQ by each client."""
    if request.param == "memory":
        opened = Brokers()
    else:
        opened = Brokers(request.getfixturevalue("amqp_url"), client=request.param)
    async with opened:
        yield opened


@pytest.fixture
async def broker(brokers: Brokers) -> Broker:
    """One broker, started."""
    return await brokers.open()
