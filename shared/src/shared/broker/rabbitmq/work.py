"""WorkQueue on RabbitMQ."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from flowport_amqp.confirms import OnSettled
from flowport_amqp.errors import AmqpError, ChannelClosed, PublishRefused, PublishReturned
from flowport_amqp.properties import PERSISTENT, TRANSIENT
from shared.broker.bundles import Coalescer, OnAnswered, OwnSlots, Part, WorkerSlots, chunks, encode_bundle
from shared.broker.message_bodies import encode_body
from shared.broker.metrics import PublishTimer, bundle_messages
from shared.broker.ports import (
    BrokerDisconnected,
    BrokerUnavailable,
    DeadLetter,
    DeadLetterHandler,
    Handler,
    QueueFull,
    Settlement,
    WorkSubscription,
)
from shared.broker.queue_topology import Queue, Topology
from shared.broker.rabbitmq.client import Channel, PendingConfirms, ReceivedMessage, publish_confirmed, resolve
from shared.broker.rabbitmq.consumer import CombinedConsumer, Consumer, D, read_dead_letter, read_delivery
from shared.broker.rabbitmq.declarations import Declarations
from shared.broker.rabbitmq.errors import publish_error
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel, ReconnectingConnection
from shared.contracts.messages import Bundle, Message

LONGEST_TTL_MS: Final = 2**32 - 1
"""An expiration beyond RabbitMQ's limit would close the channel with all pending publishes."""


RETURNED_TTL_MS: Final = 30_000
"""How long a run that one worker could not settle waits for another worker to report it."""

_Destination = tuple[str, int | None]
"""A queue and the time to live of its messages."""


@dataclass(slots=True)
class _BundledPublish(Part):
    """One message that may be bundled."""

    answer: asyncio.Future[None] = field(kw_only=True)


class RabbitWorkQueue:
    """Implements WorkQueue on two connections: an alarm stops acks on a publishing connection."""

    def __init__(
        self,
        publishing: ReconnectingConnection,
        consuming: ReconnectingConnection,
        topology: Topology,
        own_slots: OwnSlots,
        worker_slots: WorkerSlots,
    ) -> None:
        self._own_slots = own_slots
        self._worker_slots = worker_slots
        self._coalescer = Coalescer(self._publish_bundles)
        self._publishing = publishing
        self._consuming = consuming
        self._topology = topology
        self._publisher = ReconnectingChannel(publishing, lambda channel: channel.select_confirms())
        self._declared_for_publishing = Declarations(topology)
        self._declared_for_consuming = Declarations(topology)
        self._consumers: set[Consumer[Any]] = set()

    async def start(self) -> None:
        """Prepare to publish. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close the channel and the consumers."""
        for consumer in tuple(self._consumers):
            await consumer.close(grace=0)
        await self._publisher.stop()

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        spec = self._topology.queue(queue)
        body = encode_body(message, traceparent=traceparent)
        if spec.bundles is None:
            await self.publish_body(spec, body, ttl_ms=ttl_ms)
            return
        with PublishTimer(spec.name):
            await self._publish_bundled(queue, body, ttl_ms)

    async def publish_body(self, queue: Queue, body: bytes, *, ttl_ms: int | None = None) -> None:
        """Publish raw bytes to a queue. Raises QueueFull, BrokerUnavailable."""
        with PublishTimer(queue.name):
            await self._publish(queue, body, ttl_ms)

    async def _publish(self, queue: Queue, body: bytes, ttl_ms: int | None) -> None:
        channel = self._publisher.require()
        try:
            if queue.is_durable:  # not transient ones: a declaration hangs while the queue's node is down
                await self._declared_for_publishing.ensure(self._publishing.require(), queue)
            await publish_confirmed(
                channel,
                body,
                routing_key=queue.name,
                delivery_mode=PERSISTENT if queue.is_durable else TRANSIENT,
                expiration_ms=_expiration(ttl_ms),
                mandatory=True,
            )
        except AmqpError as error:
            if isinstance(error, PublishReturned):
                self._declared_for_publishing.forget(queue)
            raise publish_error(queue.name, error) from error

    async def _publish_bundled(self, queue: str, body: bytes, ttl_ms: int | None) -> None:
        """Publish together with other messages of this event-loop turn to the queue."""
        self._publisher.require()
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._coalescer.add((queue, ttl_ms), _BundledPublish(body, answer=answer))
        try:
            await answer
        except AmqpError as error:
            raise publish_error(queue, error) from error
        finally:
            del answer  # breaks a cycle: its error refers to this frame, and so to the message

    async def _publish_bundles(
        self, destination: _Destination, publishes: Sequence[_BundledPublish], on_answered: OnAnswered
    ) -> None:
        queue, ttl_ms = self._topology.queue(destination[0]), destination[1]
        publishes = [each for each in publishes if not each.answer.done()]  # callers of the others were cancelled
        allotment, unanswered = self._worker_slots.allot(len(publishes)), PendingConfirms(on_answered)
        bundles, alone = publishes[: allotment.total], publishes[allotment.total :]
        for chunk in chunks(bundles, allotment.size):
            if len(chunk) == 1:
                alone += chunk
            else:
                bundle_messages(queue.bundles).observe(len(chunk))
                settled = unanswered.expect(partial(self._bundle_settled, destination, chunk))
                await self._publish_transient(queue.bundles or "", encode_bundle(chunk), ttl_ms, settled)
        for each in alone:
            settled = unanswered.expect(partial(resolve, each.answer))
            await self._publish_transient(queue.name, each.body, ttl_ms, settled)
        unanswered.close()

    def _bundle_settled(
        self, destination: _Destination, publishes: Sequence[_BundledPublish], error: AmqpError | None
    ) -> None:
        """Settle each message of a bundle. Messages of a refused bundle are published again, one by one."""
        if not isinstance(error, PublishRefused | PublishReturned):
            for each in publishes:
                resolve(each.answer, error)
            return
        self._worker_slots.forget()
        for each in publishes:
            try:
                self._coalescer.add(destination, each)
            except BrokerDisconnected as full:
                resolve(each.answer, ChannelClosed(str(full)))

    async def _publish_transient(self, queue: str, body: bytes, ttl_ms: int | None, on_settled: OnSettled) -> None:
        try:
            await self._publisher.require().publish(
                body,
                on_settled,
                routing_key=queue,
                delivery_mode=TRANSIENT,
                expiration_ms=_expiration(ttl_ms),
                mandatory=True,
            )
        except AmqpError as error:
            on_settled(error)
        except BrokerDisconnected as error:
            on_settled(ChannelClosed(str(error)))

    async def _return(self, queue: Queue, body: bytes) -> bool:
        """Republish one bundled message for another worker; return whether the broker accepted it."""
        try:
            await self.publish_body(queue, encode_bundle([Part(body)], redelivered=True), ttl_ms=RETURNED_TTL_MS)
        except (QueueFull, BrokerUnavailable):
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
    ) -> WorkSubscription:
        spec = self._topology.queue(queue)
        single = await self._subscribe(spec, handler, read_delivery, prefetch, may_be_missing=may_be_missing)
        if spec.bundles is None:
            return single
        try:
            bundles = await self._subscribe(
                self._topology.queue(spec.bundles), handler, read_delivery, prefetch, may_be_missing=True
            )
        except BaseException:
            await single.close(grace=0)
            raise
        if free is not None:
            self._own_slots.report(free)
        return CombinedConsumer(single, bundles)

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Consumer[DeadLetter]:
        return await self._subscribe(self._topology.queue(queue), handler, read_dead_letter, prefetch)

    async def _subscribe(
        self,
        queue: Queue,
        handler: Callable[[D], Awaitable[Settlement]],
        read: Callable[[Queue, ReceivedMessage, Channel], D | Bundle],
        prefetch: int,
        *,
        may_be_missing: bool = False,
    ) -> Consumer[D]:
        consumer = Consumer(
            self._consuming,
            self._declared_for_consuming,
            queue,
            handler,
            read=partial(read, queue),
            prefetch=prefetch,
            return_alone=partial(self._return, queue) if not queue.is_durable else None,
            forget=self._consumers.discard,
        )
        await consumer.start(may_be_missing=may_be_missing)
        self._consumers.add(consumer)
        return consumer


def _expiration(ttl_ms: int | None) -> int | None:
    return None if ttl_ms is None else min(max(ttl_ms, 0), LONGEST_TTL_MS)
