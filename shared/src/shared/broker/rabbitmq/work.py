"""WorkQueue on RabbitMQ."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from shared.broker.bundles import Coalescer, OwnSlots, Part, WorkerSlots, chunks, encode_bundle
from shared.broker.message_bodies import encode_body
from shared.broker.metrics import PublishTimer, bundle_messages
from shared.broker.ports import (
    BrokerDisconnected,
    DeadLetter,
    DeadLetterHandler,
    Delivery,
    Handler,
    Settlement,
)
from shared.broker.queue_topology import Queue, Topology
from shared.broker.rabbitmq.channel import PERSISTENT, TRANSIENT
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.consumer import Consumer, D, Read, read_dead_letter, read_delivery
from shared.broker.rabbitmq.declarations import declare_queues
from shared.broker.rabbitmq.errors import AmqpError, PublishRefused, PublishReturned, publish_error
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel
from shared.contracts.messages import Message
from shared.tasks import start_task

LONGEST_TTL_MS: Final = 2**32 - 1
"""An expiration beyond RabbitMQ's limit would close the channel with all pending publishes."""
RETURNED_TTL_MS: Final = 30_000
"""How long a run that one worker could not settle waits for another worker to report it."""

_Destination = tuple[Queue, int | None]
"""A queue and the time to live of its messages."""


class RabbitWorkQueue:
    """Implements WorkQueue on two connections: an alarm stops acks on a publishing connection."""

    def __init__(
        self,
        publishing: Connection,
        consuming: Connection,
        topology: Topology,
        own_slots: OwnSlots,
        worker_slots: WorkerSlots,
    ) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._topology = topology
        self._own_slots = own_slots
        self._worker_slots = worker_slots
        self._coalescer = Coalescer(self._split, self._publish_runs)
        self._publisher = ReconnectingChannel(publishing)
        self._declarations: dict[str, asyncio.Task[None]] = {}
        self._consumers: list[Consumer[Any]] = []

    async def start(self) -> None:
        """Prepare to publish. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close the channel and the consumers."""
        for consumer in self._consumers:
            await consumer.close(grace=0)
        await self._publisher.stop()

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        await self.publish_body(
            self._topology.queue(queue), encode_body(message, traceparent=traceparent), ttl_ms=ttl_ms
        )

    async def publish_body(self, queue: Queue, body: bytes, *, ttl_ms: int | None = None) -> None:
        """Publish raw bytes to a queue. Raises QueueFull, BrokerUnavailable."""
        ttl_ms = None if ttl_ms is None else min(max(ttl_ms, 0), LONGEST_TTL_MS)
        with PublishTimer(queue.name):
            self._publisher.require()
            try:
                if queue.is_durable:
                    await self._declare(queue)
                    await self._publish((queue, ttl_ms), body)
                else:
                    await self._coalescer.send((queue, ttl_ms), Part(body))
            except AmqpError as error:
                if isinstance(error, PublishReturned):
                    self._declarations.pop(queue.name, None)
                raise publish_error(queue.name, error) from error

    async def _declare(self, queue: Queue) -> None:
        """Declare a queue once for all its publishers. Transient ones would hang while the queue's node is down."""
        declaration = self._declarations.get(queue.name)
        if declaration is None or (declaration.done() and declaration.exception()):
            queues = self._topology.with_dead_letters(queue)
            declaration = self._declarations[queue.name] = start_task(declare_queues(self._publishing, queues))
        await asyncio.shield(declaration)

    async def _publish(self, destination: _Destination, body: bytes) -> None:
        queue, ttl_ms = destination
        await self._publisher.require().publish(
            body,
            routing_key=queue.name,
            delivery_mode=PERSISTENT if queue.is_durable else TRANSIENT,
            expiration_ms=ttl_ms,
            mandatory=True,
        )

    def _split(self, parts: Sequence[Part]) -> list[Sequence[Part]]:
        """Return as few bundles as the workers' free slots permit."""
        allotment = self._worker_slots.allot(len(parts))
        return [*chunks(parts[: allotment.total], allotment.size), *([part] for part in parts[allotment.total :])]

    async def _publish_runs(self, destination: _Destination, parts: Sequence[Part]) -> None:
        if len(parts) == 1:
            await self._publish(destination, parts[0].body)
            return
        bundle_messages(destination[0].name).observe(len(parts))
        try:
            await self._publish(destination, encode_bundle(parts))
        except (PublishRefused, PublishReturned):
            self._worker_slots.forget()
            await asyncio.gather(*(self._coalescer.publish(destination, [part]) for part in parts))

    async def _return(self, queue: Queue, body: bytes) -> bool:
        """Republish one bundled message for another worker; return whether the broker accepted it."""
        bundle = encode_bundle([Part(body)], redelivered=True)
        try:
            await self._publish((queue, RETURNED_TTL_MS), bundle)
        except (AmqpError, BrokerDisconnected):
            return False
        return True

    async def consume(
        self,
        queue: str,
        handler: Handler,
        *,
        prefetch: int,
        may_be_missing: bool = False,
        free: Callable[[], int] | None = None,
    ) -> Consumer[Delivery]:
        consumer = await self._subscribe(queue, handler, read_delivery, prefetch, may_be_missing=may_be_missing)
        if free is not None:
            self._own_slots.report(free)
        return consumer

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Consumer[DeadLetter]:
        return await self._subscribe(queue, handler, read_dead_letter, prefetch)

    async def _subscribe(
        self,
        name: str,
        handler: Callable[[D], Awaitable[Settlement]],
        read: Read[D],
        prefetch: int,
        *,
        may_be_missing: bool = False,
    ) -> Consumer[D]:
        queue = self._topology.queue(name)
        consumer = Consumer(
            self._consuming,
            self._topology,
            queue,
            handler,
            read=read,
            prefetch=prefetch,
            return_alone=None if queue.is_durable else partial(self._return, queue),
        )
        await consumer.start(may_be_missing=may_be_missing)
        self._consumers.append(consumer)
        return consumer
