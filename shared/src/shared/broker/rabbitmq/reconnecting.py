"""Connections and channels that reopen until they are stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from flowport_amqp.address import Address
from flowport_amqp.channel import NO_MESSAGES
from flowport_amqp.errors import AmqpError, ChannelClosed, ConnectionClosed
from shared.broker.metrics import CONNECTIONS_LOST, USABLE
from shared.broker.ports import BrokerDisconnected, BrokerUnavailable
from shared.broker.rabbitmq.client import Channel, Connect, Connection
from shared.broker.rabbitmq.clients import DEFAULT_CLIENT, connect_with
from shared.observe.logging import get_logger
from shared.retries import Backoff
from shared.tasks import cancel_task

log = get_logger("broker.rabbitmq")

TIMEOUT_SECONDS: Final = 5.0
"""Limit of a connect, of a call, and of the wait for a confirm."""
HEARTBEAT_SECONDS: Final = 10
START_SECONDS: Final = 10.0
"""How long a starting process waits for a broker that starts too."""


class ReconnectingConnection:
    """One connection that reconnects after every loss."""

    def __init__(self, address: Address, *, name: str, connect: Connect | None = None) -> None:
        self._address = address
        self._connect_once = connect or connect_with(DEFAULT_CLIENT)
        self._name = name
        self._losses = CONNECTIONS_LOST.labels(name)
        self._connection: Connection | None = None
        self._last_failure = "it does not respond"
        self._is_up = asyncio.Event()
        self._reopener: asyncio.Task[None] | None = None
        USABLE.labels(name).set_function(self._usable)

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable if that takes longer than START_SECONDS."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._connect()
        except TimeoutError:
            raise BrokerUnavailable(f"the broker cannot be reached: {self._last_failure}") from None
        self._reopener = asyncio.create_task(self._reopen_when_lost(), name=f"keep {self._name}")

    async def stop(self) -> None:
        """Disconnect permanently."""
        await cancel_task(self._reopener)
        if self._connection:
            await self._connection.close()

    def require(self) -> Connection:
        """Return the connection. Raises BrokerDisconnected while disconnected or publishing is blocked."""
        if self._connection is None or self._connection.closed.done():
            raise BrokerDisconnected("not connected to the broker")
        if self._connection.alarm:
            raise BrokerDisconnected(NO_MESSAGES.format(self._connection.alarm))
        return self._connection

    async def connected(self) -> Connection:
        """Return the connection, as soon as there is one."""
        while self._connection is None or self._connection.closed.done():
            self._is_up.clear()  # the reconnecting task may not have run yet
            await self._is_up.wait()
        return self._connection

    def _usable(self) -> float:
        connection = self._connection
        return float(connection is not None and not connection.closed.done() and not connection.alarm)

    def _log_alarm(self, alarm: str) -> None:
        if alarm:
            log.warning("broker_publishing_blocked", connection=self._name, reason=alarm)
        else:
            log.info("broker_publishing_unblocked", connection=self._name)

    async def _reopen_when_lost(self) -> None:
        while self._connection:
            reason = await self._connection.wait_closed()
            self._connection = None
            self._losses.inc()
            log.warning("broker_connection_lost", connection=self._name, reason=str(reason))
            await self._connect()
            log.info("broker_connection_restored", connection=self._name)

    async def _connect(self) -> None:
        backoff, logged = Backoff(), set[str]()
        while True:
            try:
                self._connection = await self._connect_once(
                    self._address,
                    name=self._name,
                    heartbeat=HEARTBEAT_SECONDS,
                    timeout=TIMEOUT_SECONDS,
                    on_alarm=self._log_alarm,
                )
            except ConnectionClosed as error:
                self._last_failure = str(error)
                if self._last_failure not in logged:
                    log.warning("broker_connect_failed", connection=self._name, reason=self._last_failure)
                    logged.add(self._last_failure)
                await asyncio.sleep(backoff.delay())
            else:
                self._is_up.set()
                return


SetUp = Callable[[Channel], Awaitable[None]]
"""Prepares a new channel: declares, consumes."""


class ReconnectingChannel:
    """One channel that reopens, prepared, after every loss of itself or its connection."""

    def __init__(
        self, connection: ReconnectingConnection, set_up: SetUp, *, on_lost: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._set_up = set_up
        self._on_lost = on_lost
        self._channel: Channel | None = None
        self._reopener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the channel. Raises BrokerUnavailable."""
        try:
            await self._open(self._connection.require())
        except AmqpError as error:
            raise BrokerUnavailable(str(error)) from error
        self._reopener = asyncio.create_task(self._reopen_when_lost(), name="keep a channel")

    async def start_or_retry(self) -> None:
        """Open the channel now if possible, else in the background."""
        try:
            await self.start()
        except BrokerUnavailable as error:
            log.warning("broker_channel_open_deferred", reason=str(error))
            self._reopener = asyncio.create_task(self._open_and_reopen(), name="open and keep a channel")

    async def stop_reopening(self) -> None:
        """Keep the open channel, but do not reopen it."""
        await cancel_task(self._reopener)

    async def stop(self) -> None:
        """Close the channel permanently."""
        await cancel_task(self._reopener)
        if self._channel:
            await self._channel.close()

    @property
    def is_open(self) -> bool:
        return self._channel is not None and not self._channel.closed.done()

    def require(self) -> Channel:
        """Return the channel. Raises BrokerDisconnected while disconnected or publishing is blocked."""
        self._connection.require()
        if self._channel is None or self._channel.closed.done():
            raise BrokerDisconnected("the broker is not ready")
        return self._channel

    async def _reopen_when_lost(self) -> None:
        while self._channel:
            reason = await self._channel.wait_closed()
            self._channel = None
            if isinstance(reason, ChannelClosed):
                log.warning("broker_channel_lost", reason=str(reason))
            self._on_lost()
            await self._reopen()

    async def _open_and_reopen(self) -> None:
        await self._reopen()
        await self._reopen_when_lost()

    async def _reopen(self) -> None:
        backoff = Backoff()
        while True:
            connection = await self._connection.connected()
            try:
                await self._open(connection)
            except (AmqpError, BrokerUnavailable) as error:
                log.warning("broker_channel_open_failed", reason=str(error))
                await asyncio.sleep(backoff.delay())
            else:
                return

    async def _open(self, connection: Connection) -> None:
        channel = await connection.open_channel()
        try:
            await self._set_up(channel)
        except BaseException:
            await channel.close()
            raise
        self._channel = channel
