"""A jobs-service that replays recorded runs, three at a time and two of a set."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.jobs.system import System

from shared.clients.jobs.replay_sets import HttpReplaySetClient

OPTIONS: dict[str, Any] = {"webhook_keys": SecretStr(key("k1")), "replays_in_progress": 3, "replays_per_set": 2}


@pytest.fixture
async def system(start: Start) -> AsyncIterator[System]:
    async with start(**OPTIONS) as system:
        await system.executor.listen()
        yield system


@pytest.fixture
def replays(system: System) -> HttpReplaySetClient:
    return HttpReplaySetClient(system.gateway.client)
