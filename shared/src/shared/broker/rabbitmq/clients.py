"""AMQP clients that the adapter can use."""

from enum import StrEnum
from typing import Final

from shared.broker.rabbitmq.client import Connect


class AmqpClient(StrEnum):
    """Which AMQP client carries the traffic."""

    NATIVE = "native"
    AIO_PIKA = "aio-pika"


DEFAULT_CLIENT: Final = AmqpClient.NATIVE


def connect_with(client: AmqpClient) -> Connect:
    """Return the connect function of `client`; import only that client."""
    if client is AmqpClient.AIO_PIKA:
        from shared.broker.aio_pika.connection import open_connection  # noqa: PLC0415

        return open_connection
    from flowport_amqp.connection import Connection  # noqa: PLC0415

    return Connection.open
