"""The brokers that must keep the same promises."""

from collections.abc import AsyncIterator

import pytest
from tests.support.brokers import Brokers

from shared.broker.ports import Broker


@pytest.fixture(params=["memory", "rabbitmq"])
async def brokers(request: pytest.FixtureRequest) -> AsyncIterator[Brokers]:
    """The kind of broker under test."""
    async with Brokers(request.getfixturevalue("amqp_url") if request.param == "rabbitmq" else None) as opened:
        yield opened


@pytest.fixture
async def broker(brokers: Brokers) -> Broker:
    """One broker, started."""
    return await brokers.open()
