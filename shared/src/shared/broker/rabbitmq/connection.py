"""A connection of aio-pika that reconnects after every loss."""

import asyncio
import logging
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection
from pamqp.common import FieldTable
from yarl import URL

from shared.broker.address import parts_of, tls_context_of
from shared.broker.metrics import CONNECTIONS_LOST, USABLE
from shared.broker.ports import BrokerDisconnected, BrokerUnavailable
from shared.broker.rabbitmq import channel as channels
from shared.broker.rabbitmq.channel import NO_MESSAGES, Channel, end
from shared.broker.rabbitmq.errors import CallTimeout, ChannelClosed, ConnectionClosed, channel_error, reason_of
from shared.observe.logging import get_logger
from shared.retries import Backoff
from shared.tasks import cancel_task

log = get_logger("broker.rabbitmq")
logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # aiormq raises the same errors, and the adapter logs them

START_SECONDS: Final = 10.0
"""How long a starting process waits for a broker that starts too."""
HEARTBEAT_SECONDS: Final = 5
"""aiormq gives up a broker that is silent for three intervals and a bit: 18 s."""
POLL_SECONDS: Final = 0.1
"""aio-pika has no event for a blocked connection, so the adapter polls for it."""


class Connection:
    """One connection. While it is lost, calls fail immediately.

    `start` keeps it open; `open` connects once, for commands.
    """

    def __init__(self, url: str, *, name: str) -> None:
        parts_of(url)
        self._url = URL(url).with_query(heartbeat=HEARTBEAT_SECONDS)
        self._tls = tls_context_of(url)
        self._name = name
        self._losses = CONNECTIONS_LOST.labels(name)  # at 0 from the start: queries need the series
        self._is_blocked = False
        self._connection: AbstractConnection | None = None
        self._lost: asyncio.Future[ConnectionClosed] | None = None
        self._is_up = asyncio.Event()
        self._channels: set[Channel] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and reconnect after each loss. Raises BrokerUnavailable after START_SECONDS."""
        USABLE.labels(self._name).set_function(lambda: self._is_up.is_set() and not self._is_blocked)
        failures: set[str] = set()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._connect(failures)
        except TimeoutError:
            reason = ", ".join(failures) or "it does not respond"
            raise BrokerUnavailable(f"the broker cannot be reached: {reason}") from None
        self._keeper = asyncio.create_task(self._keep_open(), name=f"keep {self._name}")

    async def open(self) -> None:
        """Connect, within the time limit of a call. Raises ConnectionClosed."""
        properties: FieldTable = {"product": "Flowport", "connection_name": self._name}
        try:
            async with asyncio.timeout(channels.TIMEOUT_SECONDS):
                connection = await aio_pika.connect(self._url, ssl_context=self._tls, client_properties=properties)
        except TimeoutError:
            raise ConnectionClosed("cannot connect in time") from None
        except Exception as error:
            raise ConnectionClosed(f"cannot connect: {error}") from error
        self._lost = asyncio.get_running_loop().create_future()
        self._connection = connection
        connection.close_callbacks.add(self._on_close)
        self._is_up.set()

    async def stop(self) -> None:
        """Disconnect permanently."""
        await cancel_task(self._keeper)
        self._fail(ConnectionClosed("the connection was closed"))
        if self._connection is not None:
            await end(self._connection.close())

    def require(self) -> None:
        """Raise BrokerDisconnected while disconnected or publishing is blocked."""
        if not self._is_up.is_set():
            raise BrokerDisconnected("not connected to the broker")
        if self._is_blocked:
            raise BrokerDisconnected(NO_MESSAGES)

    async def connected(self) -> None:
        """Wait until it is connected."""
        await self._is_up.wait()

    async def open_channel(self) -> Channel:
        """Return a new channel. Raises ConnectionClosed, ChannelClosed."""
        connection, lost = self._connection, self._lost
        if connection is None or lost is None or lost.done() or self._is_blocked:
            # A blocked connection opens no channel, and would wait without a limit.
            raise ConnectionClosed("the broker blocked the connection" if self._is_blocked else "not connected")
        try:
            async with asyncio.timeout(channels.TIMEOUT_SECONDS):
                opened = connection.channel(publisher_confirms=True, on_return_raises=True)
                await opened.initialize()
                channel = Channel(opened, await opened.get_underlay_channel())
        except TimeoutError:
            raise CallTimeout("no channel was opened in time") from None
        except Exception as error:
            raise channel_error(error) from error
        if lost.done() or opened.is_closed:
            raise ChannelClosed("the channel was closed")
        self._channels.add(channel)
        channel.closed.add_done_callback(lambda _: self._channels.discard(channel))
        return channel

    async def _connect(self, failures: set[str]) -> None:
        backoff = Backoff()
        while True:
            try:
                return await self.open()
            except ConnectionClosed as error:
                if (reason := str(error)) not in failures:
                    log.warning("broker_connect_failed", connection=self._name, reason=reason)
                    failures.add(reason)
            await asyncio.sleep(backoff.delay())

    async def _keep_open(self) -> None:
        while self._lost is not None:
            await self._watch(self._lost)
            self._losses.inc()
            log.warning("broker_connection_lost", connection=self._name, reason=str(self._lost.result()))
            await self._connect(set())
            log.info("broker_connection_restored", connection=self._name)

    async def _watch(self, lost: asyncio.Future[ConnectionClosed]) -> None:
        """Show when the broker blocks the connection, until it is lost."""
        transport = self._connection.transport if self._connection is not None else None
        while transport is not None and not lost.done():
            ready = asyncio.ensure_future(transport.ready())
            await asyncio.wait((ready, lost), timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self._set_blocked(is_blocked=not ready.done() and not lost.done())
            if not ready.cancel():
                await asyncio.wait((lost,), timeout=POLL_SECONDS)
        self._set_blocked(is_blocked=False)

    def _set_blocked(self, *, is_blocked: bool) -> None:
        if is_blocked == self._is_blocked:
            return
        self._is_blocked = is_blocked
        for channel in tuple(self._channels):
            channel.block(is_blocked=is_blocked)
        if is_blocked:
            log.warning("broker_publishing_blocked", connection=self._name)
        else:
            log.info("broker_publishing_unblocked", connection=self._name)

    def _on_close(self, _connection: object, error: BaseException | None = None) -> None:
        self._fail(ConnectionClosed(f"the connection was lost: {reason_of(error)}"))

    def _fail(self, error: ConnectionClosed) -> None:
        if self._lost is None or self._lost.done():
            return
        self._lost.set_result(error)
        self._is_up.clear()
        for channel in tuple(self._channels):
            channel.fail(error)
