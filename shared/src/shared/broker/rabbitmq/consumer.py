"""A subscription to a work queue."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, Generic, TypeVar

from aiormq.abc import DeliveredMessage

from shared.broker.bundles import MAX_PARTS
from shared.broker.in_flight import InFlight, Settle
from shared.broker.metrics import UNREADABLE
from shared.broker.ports import BrokerUnavailable, DeadLetter, Delivery, Settlement
from shared.broker.queue_topology import Queue, Topology
from shared.broker.rabbitmq.channel import Channel
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.declarations import declare_queues
from shared.broker.rabbitmq.errors import NOT_FOUND, AmqpError, ChannelClosed, ConsumerCancelled
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel
from shared.contracts.messages import Bundle, UnreadableMessage, decode
from shared.observe.logging import get_logger
from shared.tasks import start_task

log = get_logger("broker.rabbitmq")

DEATH_REASON: Final = "x-first-death-reason"
DEATH_QUEUE: Final = "x-first-death-queue"
D = TypeVar("D", bound=Delivery | DeadLetter)


Read = Callable[[DeliveredMessage, bytes, bool, Callable[[], bool]], D | Bundle]
"""Decodes the body of a message, or of one in it: message, body, whether redelivered, whether still held."""


class Consumer(Generic[D]):
    """Takes deliveries while open and resumes after every lost connection. `read` decodes them.

    A handler that is running when the connection is lost continues; its message is redelivered, here or elsewhere.
    `return_alone` publishes a message of a bundle again.
    """

    def __init__(
        self,
        connection: Connection,
        topology: Topology,
        queue: Queue,
        handler: Callable[[D], Awaitable[Settlement]],
        *,
        read: Read[D],
        prefetch: int,
        return_alone: Callable[[bytes], Awaitable[bool]] | None,
    ) -> None:
        self._connection = connection
        self._topology = topology
        self._queue = queue
        self._read = read
        self._prefetch = prefetch
        self._in_flight = InFlight(handler, limit=prefetch if queue.is_durable else prefetch + MAX_PARTS)
        self._return_alone = return_alone
        self._returning: set[asyncio.Task[None]] = set()
        self._channel = ReconnectingChannel(connection, self._set_up, on_lost=self._in_flight.forget_waiting)
        self._tag = ""
        self._is_stopping = False

    async def start(self, *, may_be_missing: bool) -> None:
        """Consume now, or once a queue that `may_be_missing` is available. Raises BrokerUnavailable."""
        await self._channel.start(may_fail=may_be_missing)

    @property
    def is_consuming(self) -> bool:
        return self._channel.is_open and not self._is_stopping

    async def stop_consuming(self) -> None:
        """Take no new deliveries; handlers that are running continue."""
        self._is_stopping = True
        await self._channel.stop_reopening()
        if self._channel.is_open:
            with suppress(AmqpError, BrokerUnavailable):
                channel = self._channel.require()
                await channel.call(channel.amqp.basic_cancel(self._tag))

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; the rest are redelivered."""
        await self.stop_consuming()
        await self._in_flight.drain(grace)
        if self._returning:
            await asyncio.wait(self._returning)  # each publish has its time limit
        await self._channel.stop()

    async def _set_up(self, channel: Channel) -> None:
        if self._queue.is_durable:
            await declare_queues(self._connection, self._topology.with_dead_letters(self._queue))
        await channel.call(channel.amqp.basic_qos(prefetch_count=self._prefetch))
        on_received, name = partial(self._on_received, channel), self._queue.name
        try:
            self._tag = await channel.consume(name, on_received, kind=name)
        except ChannelClosed as error:
            # A transient queue is declared only here: while its node is down RabbitMQ would not answer for a minute.
            if error.code == NOT_FOUND and not self._queue.is_durable:
                await declare_queues(self._connection, [self._queue])
            raise

    def _on_received(self, channel: Channel, message: DeliveredMessage) -> None:
        redelivered = bool(message.redelivered)
        delivery = self._decode(channel, message, message.body, redelivered=redelivered)
        settle = partial(self._settle, channel, message, redelivered=redelivered)
        if delivery is None or (isinstance(delivery, Bundle) and not delivery.parts):
            settle(Settlement.DEAD_LETTER)
        elif isinstance(delivery, Bundle):
            self._take_bundle(channel, message, delivery)
        else:
            self._in_flight.take(delivery, settle)

    def _take_bundle(self, channel: Channel, message: DeliveredMessage, bundle: Bundle) -> None:
        redelivered = bool(message.redelivered) or bundle.redelivered
        parts = _Parts(len(bundle.parts), partial(self._settle, channel, message, redelivered=redelivered))
        for content in bundle.parts:
            body = bytes(content)
            delivery = self._decode(channel, message, body, redelivered=redelivered)
            settle = partial(self._settle_part, channel, body, parts)
            if delivery is None or isinstance(delivery, Bundle):
                settle(Settlement.DEAD_LETTER)
            else:
                self._in_flight.take(delivery, settle)

    def _decode(
        self, channel: Channel, message: DeliveredMessage, body: bytes, *, redelivered: bool
    ) -> D | Bundle | None:
        try:
            return self._read(message, body, redelivered, partial(self._is_held, channel))
        except UnreadableMessage as error:
            UNREADABLE.labels(self._queue.name).inc()
            log.error("message_unreadable", queue=self._queue.name, reason=str(error))
            return None

    def _is_held(self, channel: Channel) -> bool:
        """Return whether the channel is open, or a transient queue was lost with its messages."""
        if not channel.closed.done():
            return True
        return not self._queue.is_durable and isinstance(channel.closed.result(), ConsumerCancelled)

    def _settle(
        self, channel: Channel, message: DeliveredMessage, settlement: Settlement, *, redelivered: bool
    ) -> None:
        """Settle a delivery; dead-letter instead of requeueing twice: a classic queue does not count deliveries."""
        if settlement is Settlement.ACK:
            channel.ack(message)
        else:
            may_come_again = self._queue.is_durable or not redelivered
            channel.reject(message, requeue=may_come_again and settlement is Settlement.REDELIVER)

    def _settle_part(self, channel: Channel, body: bytes, parts: "_Parts", settlement: Settlement) -> None:
        """Settle one message. A failed one is republished immediately, without waiting for the rest of the bundle."""
        if settlement is Settlement.ACK or parts.is_single or self._return_alone is None or channel.closed.done():
            parts.settle(settlement)
            return
        task = start_task(self._return_or_settle(self._return_alone(body), parts, settlement))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _return_or_settle(self, returned: Awaitable[bool], parts: "_Parts", settlement: Settlement) -> None:
        parts.settle(Settlement.ACK if await returned else settlement)


class _Parts:
    """Messages of one bundle. The broker sees one message, settled when the last of them is."""

    def __init__(self, count: int, settle: Settle) -> None:
        self.is_single = count == 1
        self._open = count
        self._settle = settle
        self._whole = Settlement.ACK

    def settle(self, settlement: Settlement) -> None:
        """Settle one. A bundle with a failed message is redelivered; gateways ignore reports on ended runs."""
        if settlement is not Settlement.ACK:
            self._whole = settlement if self.is_single else Settlement.REDELIVER
        self._open -= 1
        if not self._open:
            self._settle(self._whole)


def read_delivery(
    _message: DeliveredMessage, body: bytes, redelivered: bool, is_held: Callable[[], bool]
) -> Delivery | Bundle:
    """Return the delivery. Raises UnreadableMessage."""
    envelope = decode(body)
    if isinstance(envelope.message, Bundle):
        return envelope.message
    return Delivery(envelope.message, redelivered, envelope.traceparent, is_held=is_held)


def read_dead_letter(
    message: DeliveredMessage, body: bytes, _redelivered: bool, _is_held: Callable[[], bool]
) -> DeadLetter | Bundle:
    """Return the dead letter, or the bundle of them."""
    with suppress(UnreadableMessage):
        if isinstance(bundle := decode(body).message, Bundle):
            return bundle
    headers = message.header.properties.headers or {}
    return DeadLetter(body, str(headers.get(DEATH_QUEUE, "unknown")), str(headers.get(DEATH_REASON, "unknown")))
