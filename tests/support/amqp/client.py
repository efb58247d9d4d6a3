"""Client side of a connection to the fake peer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.amqp.fake_peer import Peer, address

from flowport_amqp import methods
from flowport_amqp.channel import Channel
from flowport_amqp.connection import Connection
from shared.broker.rabbitmq.client import publish_confirmed


@asynccontextmanager
async def open_connection(port: int, *, limit: float = 5, heartbeat: int = 0) -> AsyncIterator[Connection]:
    """Open a connection to the peer on this port, and close it afterwards."""
    connection = await Connection.open(address(port), name="test", heartbeat=heartbeat, timeout=limit)
    try:
        yield connection
    finally:
        await connection.close()


async def open_channel(connection: Connection) -> Channel:
    """Open a channel with publisher confirms."""
    channel = await connection.open_channel()
    await channel.select_confirms()
    return channel


async def accept_close(peer: Peer) -> None:
    """Accept the client's connection.close."""
    await peer.expect(methods.CONNECTION_CLOSE)
    peer.send(methods.bare(methods.CONNECTION_CLOSE_OK))


async def publish(channel: Channel, body: bytes = b"body", *, mandatory: bool = False) -> None:
    """Publish and wait for the confirm. Raises like the channel."""
    await publish_confirmed(channel, body, routing_key="queue", delivery_mode=1, mandatory=mandatory)
