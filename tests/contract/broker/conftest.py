"""The brokers that must fulfill the same contract."""

from collections.abc import AsyncIterator

import pytest
from tests.support.brokers import Brokers

from shared.broker.ports import Broker


@pytest.fixture(params=["memory", "rabbitmq"])
async def brokers(request: pytest.FixtureRequest) -> AsyncIterator[Brokers]:
    """The kind of broker under test."""
    url = None if request.param == "memory" else request.getfixturevalue("amqp_url")
    async with Brokers(url) as opened:
        yield opened


@pytest.fixture
async def broker(brokers: Brokers) -> Broker:
    """One broker, started."""
    return await brokers.open()
