"""One stack for all conformance tests: it starts when the first of them asks for it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from tests.conformance.stack_system import StackSystem
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack, StackPorts
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

GATEWAY_TOKEN = "conformance-gateway-token"
OBSERVED_URL = "http://localhost:3999"
"""Address that the observed system reported."""


@pytest.fixture(scope="package")
def models() -> Iterator[ModelServer]:
    """Answers for every model named `vllm/…`."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, models: ModelServer) -> Iterator[Stack]:
    """The whole stack, with loopback open to workflows."""
    environment = {
        "VLLM_BASE_URL": models.url,
        "FLOWPORT_DISPATCH_POLL_SECONDS": "2",  # polls are most of the work of an idle stack
        "FLOWPORT_JOB_SWEEP_SECONDS": "5",
        "FLOWPORT_OUTBOUND_ALLOW": "localhost",
        "FLOWPORT_PUBLIC_URL": OBSERVED_URL,
        "FLOWPORT_TOKEN_GATEWAY": GATEWAY_TOKEN,
    }
    folder = tmp_path_factory.mktemp("conformance")
    with Stack(folder, ports=StackPorts.free(), environment=environment) as stack:
        yield stack


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def api(stack: Stack) -> AsyncIterator[PublicApi]:
    """Client of the public API, with a key of every scope."""
    made = await make_first_key(GatewaySettings(mongodb_uri=stack.mongodb_uri))
    api = PublicApi(stack.url, made.api_key, made.workspace_id)
    yield api
    await api.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def system(stack: Stack, api: PublicApi) -> AsyncIterator[StackSystem]:
    """The stack as the cases use it."""
    deploy, jobs = (_as_gateway(stack.url_of(name)) for name in (ServiceName.DEPLOY, ServiceName.JOBS))
    yield StackSystem(api, deploy, jobs)
    await deploy.stop()
    await jobs.stop()


def _as_gateway(url: str) -> InternalClient:
    tokens = ServiceTokens.of(GatewaySettings(token_gateway=GATEWAY_TOKEN))
    return InternalClient(url, caller=ServiceName.GATEWAY, tokens=tokens, timeout=30)
