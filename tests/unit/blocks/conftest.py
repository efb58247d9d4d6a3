"""A server that HTTP blocks call, and how they call it."""

from collections.abc import AsyncIterator

import pytest
from tests.support.http_stub import HttpStub
from tests.unit.blocks.calling import Api

from shared.net import OutboundClient


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with HttpStub() as running:
        yield running


@pytest.fixture
async def outbound() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(["localhost"])
    yield client
    await client.stop()


@pytest.fixture
def api(stub: HttpStub, outbound: OutboundClient) -> Api:
    return Api(stub, outbound)
