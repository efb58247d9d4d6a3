"""In-process broker, for embedded mode and tests: RabbitMQ's guarantees except surviving the process."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

from shared.broker.in_flight import InFlight, notify
from shared.broker.message_bodies import decode_control, decode_replies, encode_body
from shared.broker.ports import (
    BrokerDisconnected,
    DeadLetter,
    DeadLetterHandler,
    Delivery,
    Handler,
    QueueFull,
    ReplyOverflow,
    ReplyUnroutable,
    Settlement,
)
from shared.broker.queue_topology import Overflow, PrivateQueue, Queue, Topology
from shared.contracts.messages import ControlMessage, EventBatch, Message, decode
from shared.observe.logging import get_logger

log = get_logger("broker.memory")

DEFAULT_DELIVERY_LIMIT: Final = 20
"""RabbitMQ's default, without a policy."""
D = TypeVar("D", bound=Delivery | DeadLetter)


@dataclass(slots=True)
class QueuedMessage:
    """One message in a queue and its delivery state."""

    body: bytes
    expires_at: float | None = None
    deliveries: int = 0
    dead_reason: str = ""
    died_in: str = ""


class MemoryHub:
    """Queues, inboxes and listeners that the brokers of one process share."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.queues = {name: MemoryQueue(spec, self._dead_letter) for name, spec in topology.queues.items()}
        self.inboxes: dict[str, Inbox] = {}
        self.listeners: dict[str, Inbox] = {}

    def queue(self, name: str) -> "MemoryQueue":
        """Return the queue of this name. Raises ValueError if the topology has none."""
        return self.queues[self.topology.queue(name).name]

    def _dead_letter(self, origin: Queue, message: QueuedMessage, reason: str) -> None:
        if origin.dead_letters_to is None:
            return
        reason, died_in = message.dead_reason or reason, message.died_in or origin.name
        try:
            self.queue(origin.dead_letters_to).put(QueuedMessage(message.body, dead_reason=reason, died_in=died_in))
        except QueueFull:
            log.error("dead_letter_lost", queue=origin.name, reason=reason, cause="queue_full")


class MemoryQueue:
    """Messages and their round-robin consumers. As in RabbitMQ, only waiting messages count as length."""

    def __init__(self, spec: Queue, dead_letter: Callable[[Queue, QueuedMessage, str], None]) -> None:
        self._spec = spec
        self._dead_letter = dead_letter
        self._messages: deque[QueuedMessage] = deque()
        self._bytes = 0
        self.consumers: deque[Consumer[Any]] = deque()

    def put(self, message: QueuedMessage, *, ttl_ms: int | None = None) -> None:
        """Enqueue one message, or raise QueueFull."""
        self._dead_letter_expired()
        is_full = len(self._messages) >= self._spec.length_bound
        if is_full or self._bytes + len(message.body) > self._spec.bytes_bound:
            raise QueueFull(f"queue {self._spec.name} is full")
        if ttl_ms is not None:
            loop = asyncio.get_running_loop()
            message.expires_at = loop.time() + ttl_ms / 1000
            loop.call_at(message.expires_at, self._dead_letter_expired)
        self._messages.append(message)
        self._bytes += len(message.body)
        self.deliver()

    def settle(self, message: QueuedMessage, settlement: Settlement) -> None:
        """Apply the handler's settlement to a delivered message."""
        limit = self._spec.policy.delivery_limit or DEFAULT_DELIVERY_LIMIT
        if settlement is Settlement.DEAD_LETTER:
            self._dead_letter(self._spec, message, "rejected")
        elif settlement is Settlement.REDELIVER and message.deliveries > limit:
            self._dead_letter(self._spec, message, "delivery_limit")
        elif settlement is Settlement.REDELIVER:
            self._messages.appendleft(message)
            self._bytes += len(message.body)
        self.deliver()

    def deliver(self) -> None:
        """Pass messages to consumers while there are both."""
        self._dead_letter_expired()
        while self._messages and (free := [each for each in self.consumers if each.is_free]):
            self.consumers.remove(free[0])  # its turn comes again after the others'
            self.consumers.append(free[0])
            message = self._take_first()
            message.deliveries += 1
            free[0].take(message)
            self._dead_letter_expired()

    def _dead_letter_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._messages and (expires_at := self._messages[0].expires_at) is not None and expires_at <= now:
            self._dead_letter(self._spec, self._take_first(), "expired")

    def _take_first(self) -> QueuedMessage:
        message = self._messages.popleft()
        self._bytes -= len(message.body)
        return message


class Consumer(Generic[D]):
    """One subscription to a work queue."""

    def __init__(
        self,
        queue: MemoryQueue,
        handler: Callable[[D], Awaitable[Settlement]],
        *,
        read: Callable[[QueuedMessage], D],
        prefetch: int,
    ) -> None:
        self._queue = queue
        self._read = read
        self._in_flight = InFlight(handler, limit=prefetch)
        queue.consumers.append(self)
        queue.deliver()

    @property
    def is_free(self) -> bool:
        """Return whether it can take another message."""
        return self._in_flight.has_room

    def take(self, message: QueuedMessage) -> None:
        """Run the handler on one message."""
        self._in_flight.take(self._read(message), partial(self._queue.settle, message))

    @property
    def is_consuming(self) -> bool:
        return self in self._queue.consumers

    async def stop_consuming(self) -> None:
        """Take no new messages; handlers that are running continue."""
        if self.is_consuming:
            self._queue.consumers.remove(self)

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; the rest are redelivered."""
        await self.stop_consuming()
        await self._in_flight.drain(grace)


class Inbox:
    """Bodies for one reader of replies or broadcasts, delivered in the next event-loop turn."""

    def __init__(self, spec: PrivateQueue, on_body: Callable[[bytes], None], known: dict[str, "Inbox"]) -> None:
        self.address = spec.new_name()
        self._spec = spec
        self._on_body = on_body
        self._bodies: deque[bytes] = deque(maxlen=spec.max_length)
        self._known = known
        known[self.address] = self

    def put(self, body: bytes) -> None:
        """Enqueue one body, or raise ReplyOverflow."""
        if self._spec.overflow is Overflow.REFUSE and len(self._bodies) == self._spec.max_length:
            raise ReplyOverflow(f"reply queue {self.address} is full: its reader is too slow")
        if not self._bodies:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._bodies.append(body)

    async def close(self) -> None:
        """Stop receiving."""
        self._bodies.clear()
        self._known.pop(self.address, None)

    def _deliver(self) -> None:
        while self._bodies:
            self._on_body(self._bodies.popleft())


class MemoryBroker:
    """One service's view of the hub. Implements Broker and its three ports."""

    def __init__(self, hub: MemoryHub) -> None:
        self.work = self.replies = self.control = self
        self._hub = hub
        self._is_started = False
        self._consumers: list[Consumer[Any]] = []
        self._inboxes: list[Inbox] = []

    async def start(self) -> None:
        self._is_started = True

    async def stop(self) -> None:
        """Close everything opened through this broker."""
        self._is_started = False
        for consumer in self._consumers:
            await consumer.close(grace=0)
        for inbox in self._inboxes:
            await inbox.close()

    async def ping(self) -> None:
        """Raise BrokerDisconnected unless started."""
        if not self._is_started:
            raise BrokerDisconnected("the broker is not started")

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        await self.ping()
        body = encode_body(message, traceparent=traceparent)
        self._hub.queue(queue).put(QueuedMessage(body), ttl_ms=ttl_ms)

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
        await self.ping()
        consumer = Consumer(self._hub.queue(queue), handler, read=_read_delivery, prefetch=prefetch)
        self._consumers.append(consumer)
        return consumer

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Consumer[DeadLetter]:
        await self.ping()
        consumer = Consumer(self._hub.queue(queue), handler, read=_read_dead_letter, prefetch=prefetch)
        self._consumers.append(consumer)
        return consumer

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> Inbox:
        """See ReplyStream. The connection is never lost."""
        await self.ping()
        spec, inboxes = self._hub.topology.reply_inbox, self._hub.inboxes
        inbox = Inbox(spec, lambda body: notify(on_batch, decode_replies(body).batches[0]), inboxes)
        self._inboxes.append(inbox)
        return inbox

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        await self.ping()
        inbox = self._hub.inboxes.get(address)
        if inbox is not None:
            inbox.put(encode_body(batch))
        elif must_route:
            raise ReplyUnroutable(address)

    async def broadcast(self, message: ControlMessage) -> None:
        await self.ping()
        body = encode_body(message)
        for listener in self._hub.listeners.values():
            listener.put(body)

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> Inbox:
        await self.ping()
        spec, listeners = self._hub.topology.control_inbox, self._hub.listeners
        listener = Inbox(spec, lambda body: notify(on_message, decode_control(body)), listeners)
        self._inboxes.append(listener)
        return listener


def _read_delivery(message: QueuedMessage) -> Delivery:
    envelope = decode(message.body)
    return Delivery(envelope.message, message.deliveries > 1, envelope.traceparent)


def _read_dead_letter(message: QueuedMessage) -> DeadLetter:
    return DeadLetter(message.body, message.died_in or "unknown", message.dead_reason or "unknown")
