"""One stack for all end-to-end tests: four services as processes, a real RabbitMQ, a real store, a scripted model."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.model_server import ModelServer
from tests.support.public_door import PublicDoor

from flowport.servers.ports import free_port
from flowport.stack import Stack, StackPorts
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings

EXECUTORS = 2
ADMIN_PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def models() -> Iterator[ModelServer]:
    """Answers for every model named `vllm/…`."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def small_model_port() -> int:
    """Where models named `litellm/…` are looked for: nobody is there until a test starts one."""
    return free_port()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, models: ModelServer, small_model_port: int) -> Iterator[Stack]:
    """Everything, running. Whoever kills a process starts it again."""
    folder = tmp_path_factory.mktemp("stack")
    environment = {
        "VLLM_BASE_URL": models.url,
        "LITELLM_BASE_URL": f"http://127.0.0.1:{small_model_port}",
        "FLOWPORT_DEFAULT_PLAN": "benchmark",
        "FLOWPORT_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "RATE_LIMIT_WINDOW_MS": "2000",
    }
    with Stack(folder, ports=StackPorts.free(), executors=EXECUTORS, environment=environment) as stack:
        yield stack


@pytest.fixture(scope="session")
def credentials(stack: Stack) -> tuple[str, str]:
    """A workspace and a key with every scope."""
    made = asyncio.run(make_first_key(GatewaySettings(mongodb_uri=stack.mongodb_uri)))
    return made.workspace_id, made.api_key


@pytest.fixture
async def door(stack: Stack, credentials: tuple[str, str]) -> AsyncIterator[PublicDoor]:
    """The public door."""
    workspace_id, api_key = credentials
    door = PublicDoor(stack.url, api_key, workspace_id)
    yield door
    await door.close()
