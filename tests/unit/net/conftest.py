"""A client that may call this machine."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from shared.net import OutboundClient, OutboundRequest, OutboundResponse

Get = Callable[..., Coroutine[Any, Any, OutboundResponse]]


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(["localhost"])
    await client.start()
    yield client
    await client.stop()


@pytest.fixture
def get(client: OutboundClient) -> Get:
    async def get(url: str, **options: Any) -> OutboundResponse:
        return await client.send(OutboundRequest("GET", url, **{"timeout_seconds": 10.0, **options}))

    return get
