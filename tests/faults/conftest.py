"""A separate stack for the fault tests, with short intervals. A test that breaks a part of it repairs it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi
from tests.support.stack_access import create_credentials, open_api

from flowport.local.stack import Stack, StackPorts
from shared.service import ServiceName

SEED = 20261124
EXECUTORS = 2
QUICK = {
    "FLOWPORT_OUTBOUND_ALLOW": "127.0.0.1",
    "FLOWPORT_LEASE_SECONDS": "6",
    "FLOWPORT_JOB_SWEEP_SECONDS": "0.2",
    "FLOWPORT_LEADER_LEASE_SECONDS": "1",
    "FLOWPORT_DISPATCH_UNCLAIMED_SECONDS": "1",
    "FLOWPORT_DRAIN_SECONDS": "6",
    "FLOWPORT_RESTART_PATIENCE_SECONDS": "20",
}


@pytest.fixture(scope="package")
def witness() -> Iterator[Witness]:
    """Counts the outside effects of runs."""
    with Witness() as witness:
        yield witness


@pytest.fixture(scope="package")
def models() -> Iterator[ModelServer]:
    """Answers for every model named `vllm/…`."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, models: ModelServer) -> Iterator[Stack]:
    """The whole stack, running."""
    folder = tmp_path_factory.mktemp("faults")
    plan = {"FLOWPORT_DEFAULT_PLAN": "benchmark"}  # polls many runs
    environment = {**QUICK, **plan, "VLLM_BASE_URL": models.url}
    with Stack(folder, ports=StackPorts.free(), executors=EXECUTORS, environment=environment) as stack:
        stack.scale(ServiceName.GATEWAY, 2)
        yield stack


@pytest.fixture(scope="package")
def credentials(stack: Stack) -> tuple[str, str]:
    """A workspace and a key with every scope."""
    return create_credentials(stack)


@pytest.fixture
async def api(stack: Stack, credentials: tuple[str, str]) -> AsyncIterator[PublicApi]:
    """Client of the first gateway."""
    async with open_api(stack, credentials) as api:
        yield api


@pytest.fixture
async def callers(stack: Stack, credentials: tuple[str, str]) -> AsyncIterator[Callers]:
    """Callers of both gateways."""
    callers = Callers([stack.url_of("gateway"), stack.url_of("gateway-2")], credentials[1], seed=SEED)
    yield callers
    await callers.close()
