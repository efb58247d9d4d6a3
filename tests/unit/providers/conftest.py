"""One server that represents all the model providers."""

from collections.abc import AsyncIterator

import pytest
from tests.support.http_stub import HttpStub
from tests.support.model_providers import all_served_at

from executor_service.providers import Models


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with HttpStub() as running:
        yield running


@pytest.fixture
async def models(stub: HttpStub) -> AsyncIterator[Models]:
    found = Models(all_served_at(f"http://127.0.0.1:{stub.port}"))
    yield found
    await found.stop()
