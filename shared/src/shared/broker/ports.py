"""Ports of the message broker.

WorkQueue confirms publishes and delivers at least once. ReplyStream is fast and ordered, and may lose messages that
have no reader. ControlBus reaches every process that is subscribed at that moment. Both adapters (RabbitMQ, memory)
pass the same suite, tests/contract/broker.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shared.contracts.messages import ControlMessage, EventBatch, Message
from shared.errors import AtCapacity, Unavailable


class QueueFull(AtCapacity):
    """The queue is full; it did not accept the message."""

    code = "QUEUE_FULL"


class BrokerUnavailable(Unavailable):
    """The broker does not respond or did not confirm in time. It may or may not have accepted the message."""

    code = "BROKER_UNAVAILABLE"


class BrokerDisconnected(BrokerUnavailable):
    """Not connected, no such queue, or publishing is blocked. The broker has not accepted the message."""

    code = "BROKER_AWAY"


class ReplyUnroutable(Exception):
    """The reply address no longer exists: the caller's process disconnected."""


class ReplyOverflow(Exception):
    """The reader is too slow and its queue is full; the event was dropped."""


class Settlement(Enum):
    """How a delivery is settled after its handler returns."""

    ACK = "ack"
    DEAD_LETTER = "dead_letter"
    REDELIVER = "redeliver"
    """Requeue immediately, up to the queue's delivery limit: once on a transient queue."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message from a work queue."""

    message: Message
    redelivered: bool
    traceparent: str | None = None
    is_held: Callable[[], bool] = field(default=_always, compare=False, repr=False)
    """Whether this process still owns the message. After a lost connection the broker redelivers it elsewhere."""


Handler = Callable[[Delivery], Awaitable[Settlement]]
"""Settles one delivery. A raised exception is logged and counts as REDELIVER."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no worker could process: its unchanged body, readable or not."""

    body: bytes
    queue: str
    """The queue that dead-lettered it."""
    reason: str
    """`rejected`, `expired`, `delivery_limit`, `maxlen`."""


DeadLetterHandler = Callable[[DeadLetter], Awaitable[Settlement]]
"""As Handler."""


class Subscription(Protocol):
    """A running consumer of a queue that may become unavailable."""

    @property
    def is_consuming(self) -> bool:
        """Whether deliveries can arrive: queue and broker are available, and the consumer was not stopped."""

    async def stop_consuming(self) -> None:
        """Take no new deliveries; handlers that are running continue."""

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for running handlers; cancel and redeliver the rest."""


class Listener(Protocol):
    """A receiver of messages without a handler to wait for."""

    async def close(self) -> None:
        """Stop receiving."""


class WorkQueue(Protocol):
    """Work queues with confirmed publishes and at-least-once delivery."""

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        """Publish `message` to `queue`; return once the broker has confirmed it.

        After `ttl_ms`, an undelivered message becomes a dead letter with reason `expired`. Raises QueueFull,
        BrokerUnavailable (BrokerDisconnected: not accepted), PayloadTooLarge (over 8 MiB).
        """

    async def consume(
        self,
        queue: str,
        handler: Handler,
        *,
        prefetch: int,
        may_be_missing: bool = False,
        free: Callable[[], int] | None = None,
    ) -> Subscription:
        """Run `handler` on each delivery, at most `prefetch` concurrently, while the subscription is open.

        For a queue with bundled messages, `free` returns how many more deliveries the handler's owner could start now.
        Replies report it, and no bundle is larger. It may have dropped by the time a bundle arrives, so the handler
        gets up to 64 deliveries beyond `prefetch` and requeues the excess.

        The subscription survives a lost connection. Unreadable bodies become dead letters. Raises BrokerUnavailable,
        unless the queue `may_be_missing`: consumption then starts once the queue is available.
        """

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> Subscription:
        """Consume a dead-letter queue like `consume`, without rejecting unreadable bodies. Raises BrokerUnavailable."""


class ReplyInbox(Listener, Protocol):
    """Where this process receives the events of the runs that it requested."""

    @property
    def address(self) -> str:
        """Return the current `reply_to` address. It changes after each lost connection, so that no stale reply arrives.

        Raises BrokerDisconnected while the inbox is closed.
        """


class ReplyStream(Protocol):
    """Fast transient replies, ordered per run."""

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> ReplyInbox:
        """Receive batches by calling `on_batch`, which must not block.

        `on_lost` is called when the connection is lost: their runs get no further events. Raises BrokerUnavailable.
        """

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        """Send one batch. With `must_route`, raises ReplyUnroutable when the address does not exist.

        Sends of one run are awaited one after the other. A small window of unconfirmed sends may be in flight; a
        refusal surfaces at a later send of the same run, at the latest at the one with `must_route`. Raises
        ReplyOverflow, BrokerUnavailable, PayloadTooLarge (over 8 MiB).
        """


class ControlBus(Protocol):
    """Broadcasts to every subscribed process."""

    async def broadcast(self, message: ControlMessage) -> None:
        """Send `message` to all subscribers. Raises BrokerUnavailable."""

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> Listener:
        """Call `on_message`, which must not block, for each broadcast. Raises BrokerUnavailable."""


class Broker(Protocol):
    """The three ports of one broker connection."""

    @property
    def work(self) -> WorkQueue: ...

    @property
    def replies(self) -> ReplyStream: ...

    @property
    def control(self) -> ControlBus: ...

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable."""

    async def stop(self) -> None:
        """Disconnect and close everything open."""

    async def ping(self) -> None:
        """Confirm a publish, end to end. Raises BrokerUnavailable."""
