"""WorkQueue on RabbitMQ."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from shared.broker.amqp.channel import Channel, publish_confirmed
from shared.broker.amqp.content import Received
from shared.broker.amqp.errors import AmqpError, Returned
from shared.broker.amqp.properties import PERSISTENT, TRANSIENT
from shared.broker.bodies import outgoing
from shared.broker.metrics import published
from shared.broker.ports import DeadLetter, DeadLetterHandler, Delivery, Handler, Settlement
from shared.broker.rabbitmq.consumer import Consumer, D, read_dead_letter, read_delivery
from shared.broker.rabbitmq.declare import Declarations
from shared.broker.rabbitmq.errors import publish_error
from shared.broker.rabbitmq.kept import KeptChannel, KeptConnection
from shared.broker.topology import Queue, Topology
from shared.contracts.messages import Message

LONGEST_TTL_MS: Final = 2**32 - 1
"""An expiration outside of what RabbitMQ accepts would cost the channel, and all that is under way on it."""


class RabbitWorkQueue:
    """Publishes on one connection, consumes on another: an alarm stops acks on a connection that publishes."""

    def __init__(self, publishing: KeptConnection, consuming: KeptConnection, topology: Topology) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._topology = topology
        self._publisher = KeptChannel(publishing, Channel.select_confirms)
        self._declared_for_publishing = Declarations(topology)
        self._declared_for_consuming = Declarations(topology)
        self._consumers: set[Consumer[Any]] = set()

    async def start(self) -> None:
        """Be ready to publish. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close what was opened."""
        for consumer in tuple(self._consumers):
            await consumer.close(grace=0)
        await self._publisher.stop()

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        """See WorkQueue."""
        body = outgoing(message, traceparent=traceparent)
        await self.publish_body(self._topology.queue(queue), body, ttl_ms=ttl_ms)

    async def publish_body(self, queue: Queue, body: bytes, *, ttl_ms: int | None = None) -> None:
        """Hand any bytes to a queue. Raises QueueFull, BrokerUnavailable."""
        with published(queue.name):
            await self._publish(queue, body, ttl_ms)

    async def _publish(self, queue: Queue, body: bytes, ttl_ms: int | None) -> None:
        channel = self._publisher.require()
        try:
            if queue.is_kept:  # whoever takes from another makes it: while its node is away that is not answered
                await self._declared_for_publishing.ensure(self._publishing.require(), queue)
            await publish_confirmed(
                channel,
                body,
                routing_key=queue.name,
                delivery_mode=PERSISTENT if queue.is_kept else TRANSIENT,
                expiration_ms=None if ttl_ms is None else min(max(ttl_ms, 0), LONGEST_TTL_MS),
                mandatory=True,
            )
        except AmqpError as error:
            if isinstance(error, Returned):
                self._declared_for_publishing.forget(queue)
            raise publish_error(queue.name, error) from error

    async def consume(
        self, queue: str, handler: Handler, *, prefetch: int, may_be_away: bool = False
    ) -> Consumer[Delivery]:
        """See WorkQueue."""
        read = partial(read_delivery, self._topology.queue(queue))
        return await self._subscribed(queue, handler, read, prefetch, may_be_away=may_be_away)

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Consumer[DeadLetter]:
        """See WorkQueue."""
        return await self._subscribed(queue, handler, read_dead_letter, prefetch)

    async def _subscribed(
        self,
        queue: str,
        handler: Callable[[D], Awaitable[Settlement]],
        read: Callable[[Received, Channel], D],
        prefetch: int,
        *,
        may_be_away: bool = False,
    ) -> Consumer[D]:
        consumer = Consumer(
            self._consuming,
            self._declared_for_consuming,
            self._topology.queue(queue),
            handler,
            read=read,
            prefetch=prefetch,
            forget=self._consumers.discard,
        )
        await consumer.start(may_be_away=may_be_away)
        self._consumers.add(consumer)
        return consumer
