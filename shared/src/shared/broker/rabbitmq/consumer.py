"""A subscription to a work queue."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from flowport_amqp.errors import AmqpError, ChannelClosed, ConsumerCancelled, ProtocolError
from flowport_amqp.wire import Value
from shared.broker.bundles import MAX_PARTS
from shared.broker.in_flight import InFlight, Settle
from shared.broker.metrics import UNREADABLE
from shared.broker.ports import DeadLetter, Delivery, Settlement
from shared.broker.queue_topology import Queue
from shared.broker.rabbitmq.client import Channel, ReceivedMessage
from shared.broker.rabbitmq.declarations import NOT_FOUND, Declarations, declare_queue
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel, ReconnectingConnection
from shared.contracts.messages import Bundle, UnreadableMessage, decode
from shared.observe.logging import get_logger

log = get_logger("broker.rabbitmq")

DEATH_REASON: Final = "x-first-death-reason"
DEATH_QUEUE: Final = "x-first-death-queue"
D = TypeVar("D", bound=Delivery | DeadLetter)


class Consumer(Generic[D]):
    """Takes deliveries while open and resumes after every lost connection. `read` decodes them.

    A handler that is running when the connection is lost continues; its message is redelivered, here or elsewhere.
    """

    def __init__(
        self,
        connection: ReconnectingConnection,
        declarations: Declarations,
        queue: Queue,
        handler: Callable[[D], Awaitable[Settlement]],
        *,
        read: Callable[[ReceivedMessage, Channel], D | Bundle],
        prefetch: int,
        return_alone: Callable[[bytes], Awaitable[bool]] | None,
        forget: Callable[["Consumer[D]"], None],
    ) -> None:
        self._connection = connection
        self._declarations = declarations
        self._queue = queue
        self._read = read
        self._prefetch = prefetch
        self._forget = forget
        self._in_flight = InFlight(handler, limit=prefetch)
        self._in_bundles = InFlight(handler, limit=prefetch + MAX_PARTS)
        self._return_alone = return_alone
        self._returning: set[asyncio.Task[None]] = set()
        self._channel = ReconnectingChannel(connection, self._set_up, on_lost=self._on_lost)
        self._tag = ""
        self._is_stopping = False

    async def start(self, *, may_be_missing: bool) -> None:
        """Consume now, or once a queue that `may_be_missing` is available. Raises BrokerUnavailable."""
        if may_be_missing:
            await self._channel.start_or_retry()
        else:
            await self._channel.start()

    @property
    def is_consuming(self) -> bool:
        return self._channel.is_open and not self._is_stopping

    async def stop_consuming(self) -> None:
        """Take no new deliveries; handlers that are running continue."""
        self._is_stopping = True
        await self._channel.stop_reopening()
        if self._channel.is_open:
            with suppress(AmqpError):
                await self._channel.require().cancel(self._tag)

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; the rest are redelivered."""
        await self.stop_consuming()
        await asyncio.gather(self._in_flight.drain(grace), self._in_bundles.drain(grace))
        if self._returning:
            await asyncio.wait(self._returning)  # each publish has its time limit
        await self._channel.stop()
        self._forget(self)

    async def _set_up(self, channel: Channel) -> None:
        if self._queue.is_durable:
            await self._declarations.ensure(self._connection.require(), self._queue)
        await channel.set_prefetch(self._prefetch)
        try:
            self._tag = await channel.consume(self._queue.name, partial(self._on_received, channel), no_ack=False)
        except ChannelClosed as error:
            if error.code == NOT_FOUND:
                await self._on_missing()
            raise

    async def _on_missing(self) -> None:
        """Let the next try find a queue that was missing.

        A transient queue is declared only here: while its node is down RabbitMQ would not answer for a minute, delaying
        other declarations.
        """
        if self._queue.is_durable:
            self._declarations.forget(self._queue)
        else:
            await declare_queue(self._connection.require(), self._queue)

    def _on_lost(self) -> None:
        self._in_flight.forget_waiting()
        self._in_bundles.forget_waiting()
        self._declarations.forget(self._queue)  # it may have been deleted

    def _on_received(self, channel: Channel, received: ReceivedMessage) -> None:
        delivery = self._decode(channel, received)
        if delivery is None or (isinstance(delivery, Bundle) and not delivery.parts):
            channel.reject(received.tag, requeue=False)
        elif isinstance(delivery, Bundle):
            self._take_bundle(channel, received, delivery)
        else:
            self._in_flight.take(delivery, self._settle(channel, received))

    def _take_bundle(self, channel: Channel, received: ReceivedMessage, bundle: Bundle) -> None:
        redelivered = received.redelivered or bundle.redelivered
        whole = _BundledMessage(received, received.body, redelivered)
        parts = _Parts(len(bundle.parts), self._settle(channel, whole))
        for content in bundle.parts:
            part = _BundledMessage(received, bytes(content), redelivered)
            delivery = self._decode(channel, part)
            settle = partial(self._settle_part, channel, part.body, parts)
            if delivery is None or isinstance(delivery, Bundle):
                settle(Settlement.DEAD_LETTER)
            else:
                self._in_bundles.take(delivery, settle)

    def _decode(self, channel: Channel, received: ReceivedMessage) -> D | Bundle | None:
        try:
            return self._read(received, channel)
        except (UnreadableMessage, ProtocolError) as error:
            UNREADABLE.labels(self._queue.name).inc()
            log.error("message_unreadable", queue=self._queue.name, reason=str(error))
            return None

    def _settle(self, channel: Channel, received: ReceivedMessage) -> Settle:
        may_come_again = self._queue.is_durable or not received.redelivered
        return partial(_settle, channel, received.tag, may_come_again=may_come_again)

    def _settle_part(self, channel: Channel, body: bytes, parts: "_Parts", settlement: Settlement) -> None:
        """Settle one message. A failed one is republished immediately, without waiting for the rest of the bundle."""
        if settlement is Settlement.ACK or parts.is_single or self._return_alone is None or channel.closed.done():
            parts.settle(settlement)
            return
        task = asyncio.get_running_loop().create_task(
            self._return_or_settle(self._return_alone, body, parts, settlement)
        )
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _return_or_settle(
        self,
        return_alone: Callable[[bytes], Awaitable[bool]],
        body: bytes,
        parts: "_Parts",
        settlement: Settlement,
    ) -> None:
        parts.settle(Settlement.ACK if await return_alone(body) else settlement)


@dataclass(frozen=True, slots=True)
class _BundledMessage:
    """One bundled message, presented as a single delivery."""

    whole: ReceivedMessage
    body: bytes
    redelivered: bool

    @property
    def tag(self) -> int:
        return self.whole.tag

    @property
    def headers(self) -> Mapping[str, Value]:
        return self.whole.headers


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


class CombinedConsumer:
    """A subscription to a queue and to its bundle queue. Implements WorkSubscription."""

    def __init__(self, single: Consumer[Delivery], bundles: Consumer[Delivery]) -> None:
        self._single = single
        self._bundles = bundles

    @property
    def is_consuming(self) -> bool:
        """Whether single messages can arrive; bundles are made only for workers that take them."""
        return self._single.is_consuming

    async def stop_consuming(self) -> None:
        """Take no new deliveries; handlers that are running continue."""
        await asyncio.gather(self._single.stop_consuming(), self._bundles.stop_consuming())

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; the rest are redelivered."""
        await asyncio.gather(self._single.close(grace=grace), self._bundles.close(grace=grace))


def read_delivery(queue: Queue, received: ReceivedMessage, channel: Channel) -> Delivery | Bundle:
    """Return the delivery from `queue`. Raises UnreadableMessage."""
    envelope = decode(received.body)
    if isinstance(envelope.message, Bundle):
        return envelope.message
    is_held = partial(_is_held, queue, channel)
    return Delivery(envelope.message, received.redelivered, envelope.traceparent, is_held=is_held)


def _is_held(queue: Queue, channel: Channel) -> bool:
    """Return whether the channel is open, or a transient queue was lost with its messages."""
    if not channel.closed.done():
        return True
    return not queue.is_durable and isinstance(channel.closed.result(), ConsumerCancelled)


def read_dead_letter(_queue: Queue, received: ReceivedMessage, _channel: Channel) -> DeadLetter | Bundle:
    """Return the dead letter, or the bundle of them."""
    with suppress(UnreadableMessage):
        if isinstance(bundle := decode(received.body).message, Bundle):
            return bundle
    origin, reason = received.headers.get(DEATH_QUEUE), received.headers.get(DEATH_REASON)
    return DeadLetter(received.body, str(origin or "unknown"), str(reason or "unknown"))


def _settle(channel: Channel, tag: int, settlement: Settlement, *, may_come_again: bool) -> None:
    """Settle a delivery; dead-letter instead of requeueing twice: a classic queue does not count deliveries."""
    if settlement is Settlement.ACK:
        channel.ack(tag)
    else:
        channel.reject(tag, requeue=may_come_again and settlement is Settlement.REDELIVER)
