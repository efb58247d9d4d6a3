"""A started gateway over fakes."""

from collections.abc import AsyncIterator

import pytest
from tests.support.gateway.system import System, running_system


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with running_system() as started:
        yield started
