"""Declare queues and exchanges, once per connection."""

import asyncio
from collections.abc import Container
from typing import Final

from flowport_amqp.address import parse
from flowport_amqp.errors import AmqpError, CallTimeout, ChannelClosed
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import Queue, Topology
from shared.broker.rabbitmq.client import Connection
from shared.broker.rabbitmq.clients import DEFAULT_CLIENT, connect_with
from shared.broker.rabbitmq.reconnecting import HEARTBEAT_SECONDS, TIMEOUT_SECONDS
from shared.observe.logging import get_logger

log = get_logger("broker.rabbitmq")

LOCK_SECONDS: Final = 10.0
"""Limit of the wait for other declarations, each of which may time out when the broker does not respond."""

ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
PRECONDITION_FAILED: Final = 406


class Declarations:
    """Queues declared on the current connection."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._connection: Connection | None = None
        self._done: set[str] = set()
        self._lock = asyncio.Lock()

    async def ensure(self, connection: Connection, queue: Queue) -> None:
        """Ensure that `queue` and its dead-letter queue exist. Raises ChannelClosed (CallTimeout), ConnectionClosed."""
        if self._connection is connection and queue.name in self._done:
            return
        await self._acquire_lock()
        try:
            if self._connection is not connection:
                self._connection, self._done = connection, set()
            await self._declare(connection, queue)
        finally:
            self._lock.release()

    def forget(self, queue: Queue) -> None:
        """Forget a queue that no longer exists."""
        self._done.discard(queue.name)

    async def _acquire_lock(self) -> None:
        try:
            async with asyncio.timeout(LOCK_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            raise CallTimeout(f"other queue declarations have been running for {LOCK_SECONDS:g} s") from None

    async def _declare(self, connection: Connection, queue: Queue) -> None:
        if queue.name in self._done:
            return
        if queue.dead_letters_to is not None:
            await self._declare(connection, self._topology.queue(queue.dead_letters_to))
        await declare_queue(connection, queue)
        self._done.add(queue.name)


async def declare_queue(connection: Connection, queue: Queue) -> None:
    """Declare one queue. Use an existing one as it is, if it differs or the user may not declare."""
    channel = await connection.open_channel()  # a refused declaration closes its channel
    try:
        await channel.declare_queue(queue.name, queue.arguments)
    except ChannelClosed as error:
        if error.code == PRECONDITION_FAILED:
            log.error("queue_declaration_differs", queue=queue.name, reason=str(error))
        elif error.code != ACCESS_REFUSED:
            raise
    finally:
        await channel.close()


async def declare_control(connection: Connection, topology: Topology) -> None:
    """Declare the broadcast exchange. Users without permission to declare use the existing one."""
    channel = await connection.open_channel()  # a refused declaration closes its channel
    try:
        await channel.declare_exchange(topology.control_exchange, "fanout", durable=True)
    except ChannelClosed as error:
        if error.code != ACCESS_REFUSED:
            raise
    finally:
        await channel.close()


async def declare_topology(url: str, topology: Topology, *, unavailable: Container[str] = ()) -> None:
    """Declare every queue and exchange, except those `unavailable` with their node.

    For those the broker would not answer for a minute. Declared at deploy time rather than on demand: a quorum queue
    whose node dies within a second of its declaration may never work again. Raises BrokerUnavailable.
    """
    try:
        connection = await connect_with(DEFAULT_CLIENT)(
            parse(url), name="flowport topology", heartbeat=HEARTBEAT_SECONDS, timeout=TIMEOUT_SECONDS
        )
        try:
            await declare_control(connection, topology)
            for queue in (*topology.queues.values(), topology.probe):
                if queue.name not in unavailable:
                    await declare_queue(connection, queue)
        finally:
            await connection.close()
    except AmqpError as error:
        raise BrokerUnavailable(str(error)) from error
