"""Brokers with queues that only one test uses, in memory or on RabbitMQ."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Self
from uuid import uuid4

from prometheus_client import REGISTRY

from flowport_amqp.address import parse
from flowport_amqp.channel import Channel
from flowport_amqp.connection import Connection
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.broker.queue_topology import MIB, Overflow, Policy, PrivateQueue, Queue, QueueType, Topology
from shared.broker.rabbitmq.clients import DEFAULT_CLIENT, AmqpClient

SMALL = 5
SERVICE = "test"


def topology(prefix: str, work_policy: Policy) -> Topology:
    """Return a topology with a work queue, an in-memory queue of one message, dead letters, and a small queue without
    them."""
    memory = Queue(
        name=f"{prefix}.bundles",
        type=QueueType.CLASSIC,
        max_length=1,
        max_bytes=MIB,
        dead_letters_to=f"{prefix}.dead",
        policy=Policy(delivery_limit=1),
    )
    queues = (
        Queue(
            name=f"{prefix}.work",
            max_length=10_000,
            max_bytes=64 * MIB,
            dead_letters_to=f"{prefix}.dead",
            policy=work_policy,
        ),
        Queue(name=f"{prefix}.small", max_length=SMALL, max_bytes=MIB),
        memory,
        replace(memory, name=f"{prefix}.transient", bundles=memory.name),
        Queue(name=f"{prefix}.dead", max_length=1_000, max_bytes=MIB, dead_letters_to=f"{prefix}.unreadable"),
        Queue(name=f"{prefix}.unreadable", max_length=1_000, max_bytes=MIB, overflow=Overflow.DROP_OLDEST),
    )
    return Topology(
        queues={queue.name: queue for queue in queues},
        probe=Queue(name=f"{prefix}.probe", max_length=1, max_bytes=MIB, overflow=Overflow.DROP_OLDEST),
        control_exchange=f"{prefix}.control",
        control_inbox=PrivateQueue(prefix=f"{prefix}.control", max_length=1_000, max_bytes=MIB),
        reply_inbox=PrivateQueue(prefix=f"{prefix}.replies", max_length=1_000, max_bytes=MIB, reads_bundles=True),
    )


class Brokers:
    """Opens brokers that share one topology, and stops them all."""

    def __init__(
        self, url: str | None = None, *, work_policy: Policy | None = None, client: AmqpClient = DEFAULT_CLIENT
    ) -> None:
        self._client = client
        prefix = f"test.{uuid4().hex[:12]}"
        self.url = url or f"memory://{prefix}"
        self.work = f"{prefix}.work"
        self.small = f"{prefix}.small"
        self.transient = f"{prefix}.transient"
        self.bundles = f"{prefix}.bundles"
        self.dead = f"{prefix}.dead"
        self.unreadable = f"{prefix}.unreadable"
        self.topology = topology(prefix, work_policy or Policy())
        self._open: list[Broker] = []

    async def open(self) -> Broker:
        """Open another broker, as another service would."""
        broker = open_broker(self.url, service=SERVICE, topology=self.topology, client=self._client)
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


def tested_client() -> AmqpClient:
    """Return the AMQP client that whole-system tests use."""
    return AmqpClient(os.environ.get("FLOWPORT_TEST_AMQP_CLIENT", DEFAULT_CLIENT))


@asynccontextmanager
async def raw_channel(url: str) -> AsyncIterator[Channel]:
    """Open a channel with publisher confirms, as any other program could."""
    connection = await Connection.open(parse(url), name="test", heartbeat=10, timeout=30)
    try:
        channel = await connection.open_channel()
        await channel.select_confirms()
        yield channel
    finally:
        await connection.close()


async def _delete(url: str, topology: Topology) -> None:
    async with raw_channel(url) as channel:
        for queue in (*topology.queues.values(), topology.probe):
            await channel.delete_queue(queue.name)
        await channel.delete_exchange(topology.control_exchange)


def usable_metric() -> bool:
    """Return the connection state that Prometheus shows for the publisher of the broker opened last."""
    shown = REGISTRY.get_sample_value("flowport_broker_usable", {"connection": f"{SERVICE} publishes"})
    assert shown is not None
    return shown == 1
