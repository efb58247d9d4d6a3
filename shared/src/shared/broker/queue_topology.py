"""All queues and exchanges: their declarations, and the policies that operators may tune.

Changing a declaration requires deleting the queue, so it holds only fixed properties: the queue's type, that it refuses
when full, its dead-letter target, and a ceiling that bounds it before any policy is applied. Everything tunable is a
policy. Where both set a limit, RabbitMQ takes the smaller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import uuid4

EXPRESS: Final = "runs.express"
"""Fast path: interactive runs while a worker is idle. Messages barely wait here; refused ones go to INTERACTIVE."""
INTERACTIVE: Final = "runs.interactive"
NESTED: Final = "runs.nested"
"""Interactive runs called by another run, with separate slots, so that no run waits for itself."""
ASYNC: Final = "runs.async"
RECORDS: Final = "runs.records"
EVENTS: Final = "runs.events"
DEAD: Final = "runs.dead"
UNREADABLE: Final = "runs.unreadable"
PROBE: Final = "health.probe"
CONTROL: Final = "control"
REPLIES: Final = "replies"

MIB: Final = 1024 * 1024
MAX_MESSAGE_BYTES: Final = 8 * MIB
"""Largest body published; RabbitMQ itself closes the channel at 16 MiB."""

TOKEN_LENGTH: Final = 32

ASYNC_DELIVERY_LIMIT: Final = 20
"""Redeliveries; only a backstop, as the store counts attempts."""

LONGEST_RUN_SECONDS: Final = 90 * 60
"""Default maximum duration of a run."""


class QueueType(StrEnum):
    """Quorum: replicated and on disk. Classic: one node's memory."""

    QUORUM = "quorum"
    CLASSIC = "classic"


class Overflow(StrEnum):
    """How a full queue treats another message."""

    REFUSE = "reject-publish"
    DROP_OLDEST = "drop-head"


class DeadLettering(StrEnum):
    """Whether a dead letter may be lost in transit."""

    AT_MOST_ONCE = "at-most-once"
    AT_LEAST_ONCE = "at-least-once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Settings that an operator may change while the queue is in use. None keeps the declared value."""

    max_length: int | None = None
    max_bytes: int | None = None
    delivery_limit: int | None = None
    consumer_timeout_ms: int | None = None
    dead_lettering: DeadLettering | None = None
    message_ttl_ms: int | None = None

    @property
    def definition(self) -> dict[str, int | str]:
        """Return the policy in RabbitMQ's format."""
        spelled: dict[str, int | str | None] = {
            "max-length": self.max_length,
            "max-length-bytes": self.max_bytes,
            "delivery-limit": self.delivery_limit,
            "consumer-timeout": self.consumer_timeout_ms,
            "dead-letter-strategy": self.dead_lettering,
            "message-ttl": self.message_ttl_ms,
        }
        return {key: value for key, value in spelled.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue that outlives its processes. Once it exists, only `policy` may change."""

    name: str
    type: QueueType = QueueType.QUORUM
    overflow: Overflow = Overflow.REFUSE
    max_length: int
    max_bytes: int
    dead_letters_to: str | None = None
    policy: Policy = field(default_factory=Policy)

    @property
    def arguments(self) -> dict[str, int | str]:
        """Return the arguments of its declaration."""
        arguments: dict[str, int | str] = {
            "x-queue-type": self.type,
            "x-overflow": self.overflow,
            "x-max-length": self.max_length,
            "x-max-length-bytes": self.max_bytes,
        }
        if self.dead_letters_to is not None:
            arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.dead_letters_to}
        return arguments

    @property
    def is_durable(self) -> bool:
        """Return whether messages are on disk before they are confirmed."""
        return self.type is QueueType.QUORUM

    @property
    def length_bound(self) -> int:
        """Return the maximum number of messages, from ceiling and policy."""
        return min(self.max_length, self.policy.max_length or self.max_length)

    @property
    def bytes_bound(self) -> int:
        """Return the maximum size of all bodies in bytes, from ceiling and policy."""
        return min(self.max_bytes, self.policy.max_bytes or self.max_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateQueue:
    """An exclusive queue of one process and connection, deleted with it; random name each time."""

    prefix: str
    overflow: Overflow = Overflow.REFUSE
    max_length: int
    max_bytes: int

    def new_name(self) -> str:
        """Return a unique, unguessable name."""
        return f"{self.prefix}.{uuid4().hex}"

    def owns(self, name: str) -> bool:
        """Return whether `name` matches this kind of queue. Messages must not choose any other queue to write to."""
        return name.startswith(f"{self.prefix}.") and len(name) <= len(self.prefix) + 1 + TOKEN_LENGTH

    @property
    def arguments(self) -> dict[str, int | str]:
        """Return the arguments of its declaration."""
        return {
            "x-queue-type": QueueType.CLASSIC,
            "x-overflow": self.overflow,
            "x-max-length": self.max_length,
            "x-max-length-bytes": self.max_bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """All queues and exchanges of Flowport."""

    queues: Mapping[str, Queue]
    probe: Queue
    control_exchange: str
    control_inbox: PrivateQueue
    reply_inbox: PrivateQueue

    def queue(self, name: str) -> Queue:
        """Return the queue of this name. Raises ValueError for unknown names."""
        found = self.queues.get(name)
        if found is None:
            raise ValueError(f"the topology has no queue {name}")
        return found

    def with_dead_letters(self, queue: Queue) -> list[Queue]:
        """Return `queue` after those that its dead letters reach."""
        target = queue.dead_letters_to
        return [*(self.with_dead_letters(self.queue(target)) if target is not None else ()), queue]


def default_topology(longest_run_seconds: int) -> Topology:
    """Return the topology for runs of at most `longest_run_seconds`.

    A worker acknowledges a run's message when it ends, and the broker has to wait for that.
    """
    consumer_timeout_ms = (longest_run_seconds + 600) * 1000
    queues = (
        Queue(
            name=EXPRESS,
            type=QueueType.CLASSIC,
            max_length=1,
            max_bytes=16 * MIB,
            dead_letters_to=DEAD,
            policy=Policy(delivery_limit=1, consumer_timeout_ms=consumer_timeout_ms),
        ),
        _attached_run_queue(INTERACTIVE, consumer_timeout_ms),
        _attached_run_queue(NESTED, consumer_timeout_ms),
        Queue(
            name=ASYNC,
            max_length=200_000,
            max_bytes=1024 * MIB,
            dead_letters_to=DEAD,
            policy=Policy(
                max_length=50_000,
                delivery_limit=ASYNC_DELIVERY_LIMIT,
                consumer_timeout_ms=consumer_timeout_ms,
                dead_lettering=DeadLettering.AT_LEAST_ONCE,
            ),
        ),
        _record_queue(RECORDS),
        _record_queue(EVENTS),
        Queue(
            name=DEAD,
            max_length=200_000,
            max_bytes=1024 * MIB,
            dead_letters_to=UNREADABLE,
            policy=Policy(max_length=100_000, delivery_limit=ASYNC_DELIVERY_LIMIT),
        ),
        Queue(
            name=UNREADABLE,
            overflow=Overflow.DROP_OLDEST,
            max_length=10_000,
            max_bytes=256 * MIB,
            policy=Policy(message_ttl_ms=14 * 24 * 3600 * 1000),
        ),
    )
    return Topology(
        queues={queue.name: queue for queue in queues},
        probe=Queue(name=PROBE, overflow=Overflow.DROP_OLDEST, max_length=1, max_bytes=MIB),
        control_exchange=CONTROL,
        control_inbox=PrivateQueue(
            prefix=CONTROL, overflow=Overflow.DROP_OLDEST, max_length=10_000, max_bytes=16 * MIB
        ),
        reply_inbox=PrivateQueue(prefix=REPLIES, max_length=20_000, max_bytes=64 * MIB),
    )


def _attached_run_queue(name: str, consumer_timeout_ms: int) -> Queue:
    return Queue(
        name=name,
        max_length=20_000,
        max_bytes=1024 * MIB,
        dead_letters_to=DEAD,
        policy=Policy(
            max_length=2_000,
            max_bytes=256 * MIB,
            delivery_limit=1,
            consumer_timeout_ms=consumer_timeout_ms,
            dead_lettering=DeadLettering.AT_MOST_ONCE,
        ),
    )


def _record_queue(name: str) -> Queue:
    return Queue(
        name=name,
        max_length=500_000,
        max_bytes=1024 * MIB,
        dead_letters_to=DEAD,
        policy=Policy(max_length=100_000, max_bytes=512 * MIB, delivery_limit=ASYNC_DELIVERY_LIMIT),
    )
