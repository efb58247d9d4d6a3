"""A queue of one process: replies to it, or broadcasts."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from aiormq.abc import DeliveredMessage

from shared.broker.ports import BrokerDisconnected
from shared.broker.queue_topology import PrivateQueue
from shared.broker.rabbitmq.channel import Channel
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.errors import AmqpError
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel


class PrivateConsumer:
    """Consumer of an exclusive queue, which gets a new name with each channel, so that no stale message arrives.

    Implements ReplyInbox and Listener.
    """

    def __init__(
        self,
        connection: Connection,
        queue: PrivateQueue,
        on_body: Callable[[bytes], None],
        *,
        exchange: str = "",
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._queue = queue
        self._exchange = exchange
        self._on_body = on_body
        self._address = ""
        self._channel = ReconnectingChannel(connection, self._set_up, on_lost=on_lost)

    @property
    def address(self) -> str:
        if not self._channel.is_open:
            raise BrokerDisconnected("no reply queue is available")
        return self._address

    async def start(self) -> None:
        """Start receiving. Raises BrokerUnavailable."""
        await self._channel.start()

    async def close(self) -> None:
        """Stop receiving and delete the queue, so that sends to it fail."""
        await self._channel.stop_reopening()
        if self._channel.is_open:
            with suppress(AmqpError, BrokerDisconnected):
                channel = self._channel.require()
                await channel.call(channel.amqp.queue_delete(self._address))
        await self._channel.stop()

    async def _set_up(self, channel: Channel) -> None:
        self._address = self._queue.new_name()
        declare = partial(channel.amqp.queue_declare, self._address, arguments=dict(self._queue.arguments))
        await channel.call(declare(exclusive=True, auto_delete=True))
        if self._exchange:
            await channel.call(channel.amqp.queue_bind(self._address, self._exchange))
        await channel.consume(self._address, self._on_received, kind=self._queue.prefix, no_ack=True)

    def _on_received(self, message: DeliveredMessage) -> None:
        self._on_body(message.body)
