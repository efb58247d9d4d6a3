"""RabbitMQ of the tests: a child process, or the server that FLOWPORT_TEST_AMQP_URL names."""

import os
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from flowport.servers.rabbitmq import RabbitMQServer

__all__ = ["RabbitMQServer", "amqp_url", "manage", "rabbitmq", "with_wrong_password"]


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    """A server of this test session. A test that stops or kills it starts it again."""
    server = RabbitMQServer(tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def manage(server: RabbitMQServer, method: str, path: str, body: Any = None) -> Any:
    """Call the management API and return its answer. `rabbitmqctl` starts an Erlang node for each command."""
    url = f"{server.management_url}/api/{path}"
    response = _client().request(method, url, json=body).raise_for_status()
    return response.json() if response.content else None


@cache
def _client() -> httpx2.Client:
    """Return the client for all calls: creating one takes 20 times the CPU time of a request."""
    return httpx2.Client(timeout=30, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))


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
