"""What services need from a broker.

WorkQueue is confirmed and delivers at least once. ReplyStream is fast, ordered and may lose what nobody waits for.
ControlBus reaches every process that listens at that moment. Both adapters (RabbitMQ, memory) pass the same suite,
tests/contract/broker.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shared.contracts.messages import ControlMessage, EventBatch, Message
from shared.errors import AtCapacity, Unavailable


class QueueFull(AtCapacity):
    """The queue is at its bound; the message was not taken."""

    code = "QUEUE_FULL"


class BrokerUnavailable(Unavailable):
    """The broker does not answer, or did not confirm in time: the message may or may not have been taken."""

    code = "BROKER_UNAVAILABLE"


class BrokerAway(BrokerUnavailable):
    """There is no line to the broker, or no such queue, or it takes no messages now: it has nothing of ours."""

    code = "BROKER_AWAY"


class ReplyUnroutable(Exception):
    """Nobody holds this reply address any more: the caller's process is gone."""


class ReplyOverflow(Exception):
    """The reader is too slow and its queue is full; the event was not taken."""


class Settlement(Enum):
    """What becomes of a delivery once its handler is done."""

    ACK = "ack"
    DEAD_LETTER = "dead_letter"
    REDELIVER = "redeliver"
    """Back to the queue, at once; its delivery limit bounds how often: once where it is not kept."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message from a work queue."""

    message: Message
    redelivered: bool
    traceparent: str | None = None
    is_held: Callable[[], bool] = field(default=_always, compare=False, repr=False)
    """Whether the message is still ours alone: a broker that lost us gives it to another."""


Handler = Callable[[Delivery], Awaitable[Settlement]]
"""Settles one delivery. A raised exception is logged and counts as REDELIVER."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody could work on, as it was, readable or not."""

    body: bytes
    queue: str
    """Where it died."""
    reason: str
    """`rejected`, `expired`, `delivery_limit`, `maxlen`."""


DeadLetterHandler = Callable[[DeadLetter], Awaitable[Settlement]]
"""As Handler."""


class Subscription(Protocol):
    """A running consumer."""

    async def stop_taking(self) -> None:
        """Take no new deliveries; those in hand go on."""
        ...

    async def close(self, *, grace: float) -> None:
        """Stop taking and wait up to `grace` seconds for the deliveries in hand; cancel and redeliver the rest."""
        ...


class WorkSubscription(Subscription, Protocol):
    """A running consumer of a queue that somebody else may take away."""

    @property
    def is_taking(self) -> bool:
        """Whether deliveries can come: queue and broker are there, and it was not told to stop."""
        ...


class WorkQueue(Protocol):
    """Confirmed, at least once."""

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        """Hand `message` to `queue`; returns once the broker has it.

        With `ttl_ms`, no worker gets it after that time: it becomes a dead letter, reason `expired`.
        Raises QueueFull, BrokerUnavailable (BrokerAway: it has nothing of it), PayloadTooLarge (over 8 MiB).
        """
        ...

    async def consume(
        self,
        queue: str,
        handler: Handler,
        *,
        prefetch: int,
        may_be_away: bool = False,
        free: Callable[[], int] | None = None,
    ) -> WorkSubscription:
        """Run `handler` on each delivery, at most `prefetch` at once, for as long as the subscription is open.

        Of a queue whose messages may come in bundles, `free` returns how many more deliveries the owner of the handler
        could begin now. Replies report it, and no bundle is made larger. It may be less by the time a bundle arrives,
        so the handler gets up to 64 deliveries more than `prefetch` at once, and hands the excess back.

        Survives the loss of the broker. A body that is no message goes to the dead letters. Raises BrokerUnavailable,
        unless the queue `may_be_away`: then it is taken from as soon as it is there.
        """
        ...

    async def drain(self, queue: str, handler: DeadLetterHandler, *, prefetch: int) -> WorkSubscription:
        """As `consume`, on a queue of dead letters: nothing is refused for what is in it. Raises BrokerUnavailable."""
        ...


class ReplyInbox(Protocol):
    """Where this process receives the events of the runs that it asked for."""

    @property
    def address(self) -> str:
        """What to put into `reply_to` now. A new one after each loss of the broker, so that no ghost answers.

        Raises BrokerAway while there is none.
        """
        ...

    async def close(self) -> None:
        """Receive nothing more."""
        ...


class ReplyStream(Protocol):
    """Fast and ordered per run; not kept."""

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> ReplyInbox:
        """Receive batches by calling `on_batch`, which must not block.

        `on_lost` is called when the broker went away: what was under way will get no more answers.
        Raises BrokerUnavailable.
        """
        ...

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        """Send one batch. With `must_route`, raises ReplyUnroutable when nobody holds the address.

        Sends of one run are awaited one after the other; a small window of unconfirmed sends may be in flight, and a
        refusal surfaces at a later send of the same run at the latest at the one with `must_route`.
        Raises ReplyOverflow, BrokerUnavailable, PayloadTooLarge (over 8 MiB).
        """
        ...


class ControlBus(Protocol):
    """To every process that listens now."""

    async def broadcast(self, message: ControlMessage) -> None:
        """Tell everybody. Raises BrokerUnavailable."""
        ...

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> Subscription:
        """Call `on_message`, which must not block, for each broadcast. Raises BrokerUnavailable."""
        ...


class Broker(Protocol):
    """The three ports behind one connection's life."""

    @property
    def work(self) -> WorkQueue:
        """Confirmed, at least once."""
        ...

    @property
    def replies(self) -> ReplyStream:
        """Fast and ordered; not kept."""
        ...

    @property
    def control(self) -> ControlBus:
        """To everybody who listens now."""
        ...

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable."""
        ...

    async def stop(self) -> None:
        """Disconnect; everything open is closed."""
        ...

    async def ping(self) -> None:
        """A confirmed publish, end to end. Raises BrokerUnavailable."""
        ...
