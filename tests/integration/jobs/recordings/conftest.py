"""A jobs-service that can encrypt recordings."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.jobs.system import System

from shared.clients.jobs.recordings import HttpRecordingClient


@pytest.fixture
async def system(start: Start) -> AsyncIterator[System]:
    async with start(webhook_keys=SecretStr(key("k1"))) as system:
        yield system


@pytest.fixture
def gateway(system: System) -> HttpRecordingClient:
    return HttpRecordingClient(system.gateway.client)
