"""A single-use aio-pika connection that reports why it ended."""

import asyncio
import logging
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection
from pamqp.common import FieldTable
from yarl import URL

from flowport_amqp.address import Address
from flowport_amqp.connection import OnAlarm
from flowport_amqp.errors import AmqpError, ConnectionClosed
from shared.broker.aio_pika.channel import AioPikaChannel
from shared.broker.aio_pika.errors import FAILURES, closed_by
from shared.tasks import cancel_task

CLOSE_SECONDS: Final = 2.0
ALARM_POLL_SECONDS: Final = 0.1
"""aio-pika has no event for a blocked connection, so the adapter polls for it."""
ALARM: Final = "the broker blocked the connection"

logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # aiormq raises the same errors, and the adapter logs them


def _ignored(alarm: str) -> None:
    """Ignore an alarm."""


async def open_connection(
    address: Address,
    *,
    name: str,
    heartbeat: int,
    timeout: float,  # noqa: ASYNC109 - it is the limit of every later call as well
    on_alarm: OnAlarm = _ignored,
) -> "AioPikaConnection":
    """Connect within `timeout` seconds; each later call has the same limit. Raises ConnectionClosed.

    aiormq gives up a silent broker after three of its intervals, so it gets half of the `heartbeat`.
    """
    url = URL.build(
        scheme="amqp" if address.tls is None else "amqps",
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        path="/" if address.virtual_host == "/" else f"/{address.virtual_host}",
        query={"heartbeat": max(1, heartbeat // 2)},
    )
    properties: FieldTable = {"product": "Flowport", "connection_name": name}
    try:
        async with asyncio.timeout(timeout):
            opened = await aio_pika.connect(url, ssl_context=address.tls, client_properties=properties)
    except TimeoutError:
        raise ConnectionClosed("cannot connect in time") from None
    except FAILURES as error:
        raise ConnectionClosed(f"cannot connect: {error}") from error
    return AioPikaConnection(opened, timeout=timeout, on_alarm=on_alarm)


class AioPikaConnection:
    """An open connection. It never reopens; `closed` holds the reason once it has ended."""

    def __init__(self, connection: AbstractConnection, *, timeout: float, on_alarm: OnAlarm) -> None:
        self.closed: asyncio.Future[AmqpError] = asyncio.get_running_loop().create_future()
        self.alarm = ""
        self._connection = connection
        self._timeout = timeout
        self._on_alarm = on_alarm
        self._channels: set[AioPikaChannel] = set()
        connection.close_callbacks.add(self._on_close)
        self._watcher = asyncio.create_task(self._watch(), name="watch for alarms")

    async def open_channel(self) -> AioPikaChannel:
        """Return a new channel. Raises ConnectionClosed, ChannelClosed."""
        if self.closed.done():
            raise self.closed.result()
        if self.alarm:  # a blocked connection opens no channel and would wait without a limit
            raise ConnectionClosed(ALARM)
        channel = await AioPikaChannel.open(self._connection, self, timeout=self._timeout)
        self._channels.add(channel)
        channel.closed.add_done_callback(lambda _: self._channels.discard(channel))
        return channel

    async def close(self) -> None:
        """Disconnect, within CLOSE_SECONDS."""
        self._fail(ConnectionClosed("the connection was closed"))
        await cancel_task(self._watcher)
        closing = asyncio.ensure_future(self._connection.close())
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        if not closing.done():
            closing.cancel()
            await asyncio.wait({closing}, timeout=CLOSE_SECONDS)

    async def wait_closed(self) -> AmqpError:
        """Return why the connection ended, once it has."""
        await asyncio.wait((self.closed,))
        return self.closed.result()

    def _on_close(self, _connection: object, error: BaseException | None = None) -> None:
        self._fail(ConnectionClosed(f"the connection was lost: {closed_by(error)}"))

    def _fail(self, error: ConnectionClosed) -> None:
        if self.closed.done():
            return
        self.closed.set_result(error)
        self._watcher.cancel()
        for channel in tuple(self._channels):
            channel.fail(error)

    async def _watch(self) -> None:
        while (transport := self._connection.transport) is not None:
            ready = asyncio.ensure_future(transport.ready())
            await asyncio.wait({ready}, timeout=ALARM_POLL_SECONDS)
            if not ready.done():
                self._block()
                try:
                    await ready
                finally:
                    ready.cancel()
                self.alarm = ""
                self._on_alarm("")
            await asyncio.sleep(ALARM_POLL_SECONDS)

    def _block(self) -> None:
        self.alarm = ALARM
        for channel in tuple(self._channels):
            channel.block()
        self._on_alarm(ALARM)
