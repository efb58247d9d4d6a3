"""Bounded work queues in memory, with round-robin delivery, redelivery, expiry and dead letters."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from shared.broker.in_flight import InFlight
from shared.broker.ports import DeadLetter, Delivery, QueueFull, Settlement
from shared.broker.queue_topology import Queue
from shared.contracts.messages import decode

DEFAULT_DELIVERY_LIMIT: Final = 20
"""RabbitMQ's default, without a policy."""
D = TypeVar("D", bound=Delivery | DeadLetter)


@dataclass(slots=True)
class QueuedMessage:
    """One message in a queue and its delivery state."""

    body: bytes
    expires_at: float | None = None
    deliveries: int = 0
    dead_reason: str | None = None
    died_in: str | None = None


def read_delivery(queued: QueuedMessage) -> Delivery:
    """Return the message."""
    envelope = decode(queued.body)
    return Delivery(envelope.message, queued.deliveries > 1, envelope.traceparent)


def read_dead_letter(queued: QueuedMessage) -> DeadLetter:
    return DeadLetter(queued.body, queued.died_in or "unknown", queued.dead_reason or "unknown")


class Receiver(Protocol):
    """A consumer of letters."""

    @property
    def is_free(self) -> bool: ...

    def take(self, queued: QueuedMessage) -> None: ...


class MemoryQueue:
    """Letters and their round-robin consumers. As in RabbitMQ, only waiting letters count as length."""

    def __init__(self, spec: Queue, dead_letter: Callable[[Queue, QueuedMessage, str], None]) -> None:
        self._spec = spec
        self._dead_letter = dead_letter
        self._messages: deque[QueuedMessage] = deque()
        self._bytes = 0
        self._consumers: deque[Receiver] = deque()

    def put(self, body: bytes, *, ttl_ms: int | None = None, dead: QueuedMessage | None = None) -> None:
        """Enqueue one letter, or raise QueueFull. `dead`: the original of a dead letter."""
        self._dead_letter_expired()
        full = len(self._messages) >= self._spec.length_bound
        if full or self._bytes + len(body) > self._spec.bytes_bound:
            raise QueueFull(f"queue {self._spec.name} is full")
        queued = QueuedMessage(body)
        if dead is not None:
            queued.dead_reason, queued.died_in = dead.dead_reason, dead.died_in
        if ttl_ms is not None:
            self._expire_after(queued, ttl_ms / 1000)
        self._messages.append(queued)
        self._bytes += len(body)
        self._deliver()

    def settle(self, queued: QueuedMessage, settlement: Settlement) -> None:
        """Apply the handler's settlement to a delivered letter."""
        limit = self._spec.policy.delivery_limit or DEFAULT_DELIVERY_LIMIT
        if settlement is Settlement.DEAD_LETTER:
            self._dead_letter(self._spec, queued, "rejected")
        elif settlement is Settlement.REDELIVER and queued.deliveries > limit:
            self._dead_letter(self._spec, queued, "delivery_limit")
        elif settlement is Settlement.REDELIVER:
            self._messages.appendleft(queued)
            self._bytes += len(queued.body)
        self._deliver()

    def join(self, consumer: Receiver) -> None:
        """Add a consumer."""
        self._consumers.append(consumer)
        self._deliver()

    def has(self, consumer: Receiver) -> bool:
        """Return whether this consumer receives letters."""
        return consumer in self._consumers

    def leave(self, consumer: Receiver) -> None:
        """Remove a consumer; it keeps unsettled letters."""
        if self.has(consumer):
            self._consumers.remove(consumer)

    def _deliver(self) -> None:
        self._dead_letter_expired()
        while self._messages and (consumer := self._next_free()):
            queued = self._take_first()
            queued.deliveries += 1
            consumer.take(queued)
            self._dead_letter_expired()

    def _next_free(self) -> Receiver | None:
        for _ in range(len(self._consumers)):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if consumer.is_free:
                return consumer
        return None

    def _expire_after(self, queued: QueuedMessage, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        queued.expires_at = loop.time() + seconds
        loop.call_at(queued.expires_at, self._dead_letter_expired)

    def _dead_letter_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._messages and (expires_at := self._messages[0].expires_at) is not None and expires_at <= now:
            self._dead_letter(self._spec, self._take_first(), "expired")

    def _take_first(self) -> QueuedMessage:
        queued = self._messages.popleft()
        self._bytes -= len(queued.body)
        return queued


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

    @property
    def is_free(self) -> bool:
        """Return whether it can take another letter."""
        return self._in_flight.has_room

    def take(self, queued: QueuedMessage) -> None:
        """Run the handler on one letter."""
        self._in_flight.take(self._read(queued), lambda settlement: self._queue.settle(queued, settlement))

    @property
    def is_consuming(self) -> bool:
        return self._queue.has(self)

    async def stop_consuming(self) -> None:
        """Take no new letters; handlers that are running continue."""
        self._queue.leave(self)

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; the rest are redelivered."""
        self._queue.leave(self)
        await self._in_flight.drain(grace)


AnyConsumer = Consumer[Delivery] | Consumer[DeadLetter]
