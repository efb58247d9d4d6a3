"""Channels that reopen until they are stopped."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.broker.ports import BrokerDisconnected, BrokerUnavailable
from shared.broker.rabbitmq.channel import Channel
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.errors import AmqpError, ChannelClosed
from shared.observe.logging import get_logger
from shared.retries import Backoff
from shared.tasks import cancel_task

log = get_logger("broker.rabbitmq")

SetUp = Callable[[Channel], Awaitable[None]]
"""Prepares a new channel: declares, consumes."""


async def _nothing(_channel: Channel) -> None:
    """Prepare nothing: the channel only publishes."""


class ReconnectingChannel:
    """One channel that reopens, prepared, after every loss of itself or its connection."""

    def __init__(
        self, connection: Connection, set_up: SetUp = _nothing, *, on_lost: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._set_up = set_up
        self._on_lost = on_lost
        self._channel: Channel | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, *, may_fail: bool = False) -> None:
        """Open the channel; if that `may_fail`, in the background. Raises BrokerUnavailable."""
        try:
            self._connection.require()
            await self._open()
        except (AmqpError, BrokerUnavailable) as error:
            if not may_fail:
                raise BrokerUnavailable(str(error)) from error
            log.warning("broker_channel_open_deferred", reason=str(error))
        self._keeper = asyncio.create_task(self._keep_open(), name="keep a channel")

    async def stop_reopening(self) -> None:
        """Keep the open channel, but do not reopen it."""
        await cancel_task(self._keeper)

    async def stop(self) -> None:
        """Close the channel permanently."""
        await cancel_task(self._keeper)
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

    async def _keep_open(self) -> None:
        backoff = Backoff()
        while True:
            if self._channel is not None:
                reason = await self._channel.wait_closed()
                self._channel, backoff = None, Backoff()
                if isinstance(reason, ChannelClosed):
                    log.warning("broker_channel_lost", reason=str(reason))
                self._on_lost()
            await self._connection.connected()
            try:
                await self._open()
            except (AmqpError, BrokerUnavailable) as error:
                log.warning("broker_channel_open_failed", reason=str(error))
                await asyncio.sleep(backoff.delay())

    async def _open(self) -> None:
        channel = await self._connection.open_channel()
        try:
            await self._set_up(channel)
        except BaseException:
            await channel.close()
            raise
        self._channel = channel
