"""One server that represents all the model providers."""

from collections.abc import AsyncIterator

import pytest
from tests.support.http_stub import HttpStub

from executor_service.providers import Models, ProviderSettings


def all_served_at(url: str) -> ProviderSettings:
    """Return every provider at one address."""
    return ProviderSettings(
        vllm_base_url=url,
        anthropic_base_url=url,
        anthropic_api_key="key",
        gemini_base_url=url,
        gemini_api_key="key",
    )


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with HttpStub() as running:
        yield running


@pytest.fixture
async def models(stub: HttpStub) -> AsyncIterator[Models]:
    found = Models(all_served_at(f"http://127.0.0.1:{stub.port}"))
    yield found
    await found.stop()
