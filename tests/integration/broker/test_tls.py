"""TLS to a real broker, with a private certificate authority."""

from collections.abc import Iterator

import pytest
from tests.support.certificates import Authority
from tests.support.rabbitmq import RabbitMQServer

from flowport.servers.ports import reserve_port
from shared.broker.connect import open_broker
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.errors import ConnectionClosed


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Authority that signs the broker's certificate."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def address(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a broker with TLS."""
    tls, certificate = reserve_port(), authority.server_file("localhost")
    settings = {
        "listeners.ssl.default": f"127.0.0.1:{tls.lend()}",
        "ssl_options.certfile": str(certificate),
        "ssl_options.keyfile": str(certificate),
        "ssl_options.cacertfile": str(authority.file()),
        "ssl_options.verify": "verify_none",
    }
    server = RabbitMQServer(tmp_path_factory.mktemp("rabbitmq-tls"), settings=settings)
    try:
        server.start()
        yield server.amqp_url.partition("://")[2].replace(f"127.0.0.1:{server.port}", f"localhost:{tls.number}")
    finally:
        server.stop()
        tls.close()


async def test_a_broker_that_our_authority_vouches_for_is_used(address: str, authority: Authority) -> None:
    broker = open_broker(f"amqps://{address}?cacertfile={authority.file()}", service="test")
    await broker.start()
    try:
        await broker.ping()
    finally:
        await broker.stop()


async def test_a_broker_with_an_untrusted_certificate_is_rejected(address: str) -> None:
    with pytest.raises(ConnectionClosed, match=r"(?i)certificate"):
        await Connection(f"amqps://{address}", name="test").open()


async def test_a_broker_under_another_name_is_not(address: str, authority: Authority) -> None:
    url = f"amqps://{address.replace('localhost', '127.0.0.1')}?cacertfile={authority.file()}"
    with pytest.raises(ConnectionClosed, match=r"(?i)certificate"):
        await Connection(url, name="test").open()
