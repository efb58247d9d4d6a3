"""The three ports over one hub in memory, with RabbitMQ's guarantees except surviving the process."""

from collections.abc import Callable
from contextlib import suppress
from typing import Self

from shared.broker.memory.inboxes import Inbox, Listener
from shared.broker.memory.queues import (
    AnyConsumer,
    Consumer,
    MemoryQueue,
    QueuedMessage,
    read_dead_letter,
    read_delivery,
)
from shared.broker.message_bodies import decode_control, encode_body
from shared.broker.ports import (
    BrokerDisconnected,
    DeadLetter,
    DeadLetterHandler,
    Delivery,
    Handler,
    QueueFull,
    ReplyUnroutable,
)
from shared.broker.queue_topology import Queue, Topology
from shared.contracts.messages import ControlMessage, EventBatch, Message
from shared.observe.logging import get_logger

log = get_logger("broker.memory")


class MemoryHub:
    """Queues, inboxes and listeners that the brokers of one process share."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.queues = {name: MemoryQueue(spec, self._dead_letter) for name, spec in topology.queues.items()}
        self.inboxes: dict[str, Inbox] = {}
        self.listeners: set[Listener] = set()

    def queue(self, name: str) -> MemoryQueue:
        """Return the queue of this name. Raises ValueError if the topology has none."""
        return self.queues[self.topology.queue(name).name]

    def _dead_letter(self, origin: Queue, queued: QueuedMessage, reason: str) -> None:
        if origin.dead_letters_to is None:
            return
        try:
            queued.dead_reason, queued.died_in = queued.dead_reason or reason, queued.died_in or origin.name
            self.queue(origin.dead_letters_to).put(queued.body, dead=queued)
        except QueueFull:
            log.error("dead_letter_lost", queue=origin.name, reason=reason, cause="queue_full")


class MemoryBroker:
    """One service's view of the hub. Implements Broker and its three ports."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self._started = False
        self._consumers: list[AnyConsumer] = []
        self._inboxes: set[Inbox] = set()
        self._listeners: set[Listener] = set()

    @property
    def work(self) -> Self:
        """Return this object: it needs no separate connections."""
        return self

    @property
    def replies(self) -> Self:
        """Return this object."""
        return self

    @property
    def control(self) -> Self:
        """Return this object."""
        return self

    async def start(self) -> None:
        self._started = True

    async def stop(self) -> None:
        """Close everything opened through this broker."""
        self._started = False
        for consumer in self._consumers:
            await consumer.close(grace=0)
        for inbox in tuple(self._inboxes):
            await inbox.close()
        for listener in tuple(self._listeners):
            await listener.stop_consuming()

    async def ping(self) -> None:
        """Raise BrokerDisconnected unless started."""
        self._check_started()

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        self._check_started()
        self._hub.queue(queue).put(encode_body(message, traceparent=traceparent), ttl_ms=ttl_ms)

    async def consume(
        self,
        queue: str,
        handler: Handler,
        *,
        prefetch: int,
        may_be_missing: bool = False,
        free: Callable[[], int] | None = None,
    ) -> Consumer[Delivery]:
        """See WorkQueue. Every queue is available, and nothing is serialized for a network, so nothing is bundled."""
        consumer = Consumer(self._hub.queue(queue), handler, read=read_delivery, prefetch=prefetch)
        self._join(queue, consumer)
        return consumer

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Consumer[DeadLetter]:
        consumer = Consumer(self._hub.queue(queue), handler, read=read_dead_letter, prefetch=prefetch)
        self._join(queue, consumer)
        return consumer

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> Inbox:
        """See ReplyStream. The connection is never lost."""
        self._check_started()
        inbox = Inbox(self._hub.topology.reply_inbox, on_batch, self._forget_inbox)
        self._inboxes.add(inbox)
        self._hub.inboxes[inbox.address] = inbox
        return inbox

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        self._check_started()
        inbox = self._hub.inboxes.get(address)
        if inbox is not None:
            inbox.put(encode_body(batch))
        elif must_route:
            raise ReplyUnroutable(address)

    async def broadcast(self, message: ControlMessage) -> None:
        self._check_started()
        copy = decode_control(encode_body(message))
        for listener in self._hub.listeners:
            listener.deliver(copy)

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> Listener:
        self._check_started()
        listener = Listener(on_message, self._forget_listener)
        self._listeners.add(listener)
        self._hub.listeners.add(listener)
        return listener

    def _join(self, queue: str, consumer: AnyConsumer) -> None:
        self._check_started()
        self._consumers.append(consumer)
        self._hub.queue(queue).join(consumer)

    def _check_started(self) -> None:
        if not self._started:
            raise BrokerDisconnected("the broker is not started")

    def _forget_inbox(self, inbox: Inbox) -> None:
        self._inboxes.discard(inbox)
        with suppress(KeyError):
            del self._hub.inboxes[inbox.address]

    def _forget_listener(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._hub.listeners.discard(listener)
