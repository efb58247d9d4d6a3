"""RabbitMQ of the tests: a child process, or the server that FLOWPORT_TEST_AMQP_URL names."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from flowport.servers.rabbitmq import RabbitMQServer

__all__ = ["RabbitMQServer", "amqp_url", "rabbitmq", "with_wrong_password"]


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    """A server of this test session. A test that stops or kills it starts it again."""
    server = RabbitMQServer(tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def with_wrong_password(url: str) -> str:
    """Return `url` with another password."""
    parts = urlsplit(url)
    assert parts.password
    return url.replace(f":{parts.password}@", ":wrong@")


@pytest.fixture(scope="session")
def amqp_url(request: pytest.FixtureRequest) -> str:
    """Address of the tests' broker."""
    url = os.environ.get("FLOWPORT_TEST_AMQP_URL")
    if url:
        return url
    server: RabbitMQServer = request.getfixturevalue("rabbitmq")
    return server.amqp_url
