"""A store of files, and the client that fetches them."""

from collections.abc import AsyncIterator

import pytest
from tests.support.executor.files import FileExchange

from shared.net import OutboundClient


@pytest.fixture
async def files() -> AsyncIterator[FileExchange]:
    outbound = OutboundClient(["localhost"])
    yield FileExchange(outbound)
    await outbound.stop()
