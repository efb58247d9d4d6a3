"""Bounded work queues in memory, with round-robin delivery, redelivery, expiry and dead letters."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from shared.broker.in_flight import InHand
from shared.broker.ports import DeadLetter, Delivery, QueueFull, Settlement
from shared.broker.topology import Queue
from shared.contracts.messages import decode

DEFAULT_DELIVERY_LIMIT: Final = 20
"""RabbitMQ's default, without a policy."""
D = TypeVar("D", bound=Delivery | DeadLetter)


@dataclass(slots=True)
class Letter:
    """One message in a queue and its delivery state."""

    body: bytes
    expires_at: float | None = None
    deliveries: int = 0
    dead_reason: str | None = None
    died_in: str | None = None


def read_delivery(letter: Letter) -> Delivery:
    """Return the message."""
    envelope = decode(letter.body)
    return Delivery(envelope.message, letter.deliveries > 1, envelope.traceparent)


def read_dead_letter(letter: Letter) -> DeadLetter:
    """Return the dead letter."""
    return DeadLetter(letter.body, letter.died_in or "unknown", letter.dead_reason or "unknown")


class Taker(Protocol):
    """A consumer of letters."""

    @property
    def is_free(self) -> bool: ...

    def take(self, letter: Letter) -> None: ...


class WorkingQueue:
    """Letters and their round-robin consumers. As in RabbitMQ, only waiting letters count as length."""

    def __init__(self, spec: Queue, bury: Callable[[Queue, Letter, str], None]) -> None:
        self._spec = spec
        self._bury = bury
        self._letters: deque[Letter] = deque()
        self._bytes = 0
        self._consumers: deque[Taker] = deque()

    def put(self, body: bytes, *, ttl_ms: int | None = None, dead: Letter | None = None) -> None:
        """Enqueue one letter, or raise QueueFull. `dead`: the original of a dead letter."""
        self._bury_expired()
        full = len(self._letters) >= self._spec.length_bound
        if full or self._bytes + len(body) > self._spec.bytes_bound:
            raise QueueFull(f"queue {self._spec.name} is full")
        letter = Letter(body)
        if dead is not None:
            letter.dead_reason, letter.died_in = dead.dead_reason, dead.died_in
        if ttl_ms is not None:
            self._expire_after(letter, ttl_ms / 1000)
        self._letters.append(letter)
        self._bytes += len(body)
        self._hand_out()

    def settle(self, letter: Letter, settlement: Settlement) -> None:
        """Apply the handler's settlement to a delivered letter."""
        limit = self._spec.policy.delivery_limit or DEFAULT_DELIVERY_LIMIT
        if settlement is Settlement.DEAD_LETTER:
            self._bury(self._spec, letter, "rejected")
        elif settlement is Settlement.REDELIVER and letter.deliveries > limit:
            self._bury(self._spec, letter, "delivery_limit")
        elif settlement is Settlement.REDELIVER:
            self._letters.appendleft(letter)
            self._bytes += len(letter.body)
        self._hand_out()

    def join(self, consumer: Taker) -> None:
        """Add a consumer."""
        self._consumers.append(consumer)
        self._hand_out()

    def has(self, consumer: Taker) -> bool:
        """Return whether this consumer receives letters."""
        return consumer in self._consumers

    def leave(self, consumer: Taker) -> None:
        """Remove a consumer; it keeps unsettled letters."""
        if self.has(consumer):
            self._consumers.remove(consumer)

    def _hand_out(self) -> None:
        self._bury_expired()
        while self._letters and (consumer := self._next_free()):
            letter = self._take_first()
            letter.deliveries += 1
            consumer.take(letter)
            self._bury_expired()

    def _next_free(self) -> Taker | None:
        for _ in range(len(self._consumers)):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if consumer.is_free:
                return consumer
        return None

    def _expire_after(self, letter: Letter, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        letter.expires_at = loop.time() + seconds
        loop.call_at(letter.expires_at, self._bury_expired)

    def _bury_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._letters and (expires_at := self._letters[0].expires_at) is not None and expires_at <= now:
            self._bury(self._spec, self._take_first(), "expired")

    def _take_first(self) -> Letter:
        letter = self._letters.popleft()
        self._bytes -= len(letter.body)
        return letter


class Consumer(Generic[D]):
    """One subscription to a work queue."""

    def __init__(
        self,
        queue: WorkingQueue,
        handler: Callable[[D], Awaitable[Settlement]],
        *,
        read: Callable[[Letter], D],
        prefetch: int,
    ) -> None:
        self._queue = queue
        self._read = read
        self._in_hand = InHand(handler, limit=prefetch)

    @property
    def is_free(self) -> bool:
        """Return whether it can take another letter."""
        return self._in_hand.has_room

    def take(self, letter: Letter) -> None:
        """Run the handler on one letter."""
        self._in_hand.take(self._read(letter), lambda settlement: self._queue.settle(letter, settlement))

    @property
    def is_taking(self) -> bool:
        """See WorkSubscription."""
        return self._queue.has(self)

    async def stop_taking(self) -> None:
        """Take no new letters; handlers that are running continue."""
        self._queue.leave(self)

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; the rest are redelivered."""
        self._queue.leave(self)
        await self._in_hand.drain(grace)


AnyConsumer = Consumer[Delivery] | Consumer[DeadLetter]
