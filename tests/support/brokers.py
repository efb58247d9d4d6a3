"""Brokers with queues that only one test uses, in memory or on RabbitMQ."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self
from uuid import uuid4

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic
from pamqp.common import FieldTable
from prometheus_client import REGISTRY

from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.broker.queue_topology import MIB, Overflow, Policy, PrivateQueue, Queue, QueueType, Topology

SMALL = 5
SERVICE = "test"


def topology(prefix: str, work_policy: Policy) -> Topology:
    """Return a topology with a work queue, an in-memory queue of one message, dead letters, and a small queue without
    them."""
    queues = (
        Queue(
            name=f"{prefix}.work",
            max_length=10_000,
            max_bytes=64 * MIB,
            dead_letters_to=f"{prefix}.dead",
            policy=work_policy,
        ),
        Queue(name=f"{prefix}.small", max_length=SMALL, max_bytes=MIB),
        Queue(
            name=f"{prefix}.transient",
            type=QueueType.CLASSIC,
            max_length=1,
            max_bytes=MIB,
            dead_letters_to=f"{prefix}.dead",
            policy=Policy(delivery_limit=1),
        ),
        Queue(name=f"{prefix}.dead", max_length=1_000, max_bytes=MIB, dead_letters_to=f"{prefix}.unreadable"),
        Queue(name=f"{prefix}.unreadable", max_length=1_000, max_bytes=MIB, overflow=Overflow.DROP_OLDEST),
    )
    return Topology(
        queues={queue.name: queue for queue in queues},
        probe=Queue(name=f"{prefix}.probe", max_length=1, max_bytes=MIB, overflow=Overflow.DROP_OLDEST),
        control_exchange=f"{prefix}.control",
        control_inbox=PrivateQueue(prefix=f"{prefix}.control", max_length=1_000, max_bytes=MIB),
        reply_inbox=PrivateQueue(prefix=f"{prefix}.replies", max_length=1_000, max_bytes=MIB),
    )


class Brokers:
    """Opens brokers that share one topology, and stops them all."""

    def __init__(self, url: str | None = None, *, work_policy: Policy | None = None) -> None:
        prefix = f"test.{uuid4().hex[:12]}"
        self.url = url or f"memory://{prefix}"
        self.work = f"{prefix}.work"
        self.small = f"{prefix}.small"
        self.transient = f"{prefix}.transient"
        self.dead = f"{prefix}.dead"
        self.unreadable = f"{prefix}.unreadable"
        self.topology = topology(prefix, work_policy or Policy())
        self._open: list[Broker] = []

    async def open(self) -> Broker:
        """Open another broker, as another service would."""
        broker = open_broker(self.url, service=SERVICE, topology=self.topology)
        self._open.append(broker)
        await broker.start()
        return broker

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop every broker and delete its queues from the server."""
        for broker in self._open:
            await broker.stop()
        if not self.url.startswith("memory:"):
            await _delete(self.url, self.topology)


@asynccontextmanager
async def raw_channel(url: str) -> AsyncIterator[AbstractChannel]:
    """Open a channel with publisher confirms, as any other program could."""
    async with aiormq.connect(url) as connection:
        yield await connection.channel()


async def publish_raw(
    channel: AbstractChannel,
    body: bytes,
    queue: str = "",
    *,
    exchange: str = "",
    ttl_ms: int | None = None,
    headers: FieldTable | None = None,
) -> None:
    """Publish bytes that need not be a message, and wait for the confirm."""
    expiration = None if ttl_ms is None else str(ttl_ms)
    properties = Basic.Properties(delivery_mode=2, expiration=expiration, headers=headers)
    await channel.basic_publish(
        body, exchange=exchange, routing_key=queue, properties=properties, mandatory=not exchange
    )


async def collect_bodies(channel: AbstractChannel, queue: str, *, no_ack: bool = True) -> list[bytes]:
    """Return a list to which the bodies of the queue's messages are added as they arrive."""
    bodies: list[bytes] = []

    async def receive(message: DeliveredMessage) -> None:
        bodies.append(message.body)

    await channel.basic_consume(queue, receive, no_ack=no_ack)
    return bodies


async def declare_private(
    channel: AbstractChannel, name: str, arguments: Mapping[str, str | int] | None = None
) -> None:
    """Declare a queue that is deleted with its connection."""
    await channel.queue_declare(name, exclusive=True, auto_delete=True, arguments=dict(arguments or {}))


async def _delete(url: str, topology: Topology) -> None:
    async with raw_channel(url) as channel:
        for queue in (*topology.queues.values(), topology.probe):
            await channel.queue_delete(queue.name)
        await channel.exchange_delete(topology.control_exchange)


def usable_metric() -> bool:
    """Return the connection state that Prometheus shows for the publisher of the broker opened last."""
    shown = REGISTRY.get_sample_value("flowport_broker_usable", {"connection": f"{SERVICE} publishes"})
    assert shown is not None
    return shown == 1
