"""RabbitMQ: the server of the test session."""

from collections.abc import AsyncIterator

import pytest
from tests.support.brokers import Brokers


@pytest.fixture
async def brokers(amqp_url: str) -> AsyncIterator[Brokers]:
    """Brokers on the shared server, with queues of this test alone."""
    async with Brokers(amqp_url) as opened:
        yield opened
