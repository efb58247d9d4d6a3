"""One stack for all end-to-end tests: four services as processes, a real RabbitMQ, a real store, a scripted model."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.certificates import Authority
from tests.support.mail_server import ACCOUNT, HOST, MailServer
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi
from tests.support.stack_access import create_credentials, open_api

from flowport.local.stack import Stack, StackPorts
from flowport.servers.ports import reserve_port
from shared.service import ServiceName

EXECUTORS = 2
ADMIN_PASSWORD = "correct horse battery"


@pytest.fixture(scope="package")
def models() -> Iterator[ModelServer]:
    """Answers for every model named `vllm/…`."""
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="package")
def small_model_port() -> Iterator[int]:
    """Port for models named `litellm/…`: closed until a test starts a server."""
    with reserve_port() as port:
        yield port.lend()


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Authority that the gateway trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def mails(authority: Authority) -> Iterator[MailServer]:
    """Mail server of the gateway."""
    with MailServer(authority.server_context(HOST)) as server:
        yield server


@pytest.fixture(scope="package")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    models: ModelServer,
    small_model_port: int,
    mails: MailServer,
    authority: Authority,
) -> Iterator[Stack]:
    """The whole stack, running. A test that kills a process restarts it."""
    folder = tmp_path_factory.mktemp("stack")
    environment = {
        "VLLM_BASE_URL": models.url,
        "LITELLM_BASE_URL": f"http://127.0.0.1:{small_model_port}",
        "FLOWPORT_DEFAULT_PLAN": "benchmark",
        "FLOWPORT_DISPATCH_POLL_SECONDS": "2",  # polls are 40 % of the work of an idle stack
        "FLOWPORT_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "RATE_LIMIT_WINDOW_MS": "2000",
    }
    mail = {
        "FLOWPORT_SMTP_HOST": HOST,
        "FLOWPORT_SMTP_PORT": str(mails.port),
        "FLOWPORT_SMTP_USERNAME": ACCOUNT[0],
        "FLOWPORT_SMTP_PASSWORD": ACCOUNT[1],
        "FLOWPORT_MAIL_FROM": "flow@example.org",
        "SSL_CERT_FILE": str(authority.file()),
    }
    with Stack(
        folder,
        ports=StackPorts.free(),
        executors=EXECUTORS,
        environment=environment,
        overrides={ServiceName.GATEWAY: mail},
    ) as stack:
        yield stack


@pytest.fixture(scope="package")
def credentials(stack: Stack) -> tuple[str, str]:
    """A workspace and a key with every scope."""
    return create_credentials(stack)


@pytest.fixture
async def api(stack: Stack, credentials: tuple[str, str]) -> AsyncIterator[PublicApi]:
    """Client of the public API."""
    async with open_api(stack, credentials) as api:
        yield api
