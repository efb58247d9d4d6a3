"""Declare queues and exchanges."""

from collections.abc import Container, Iterable

from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import Queue, Topology
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.errors import ACCESS_REFUSED, PRECONDITION_FAILED, AmqpError, ChannelClosed
from shared.observe.logging import get_logger

log = get_logger("broker.rabbitmq")


async def declare_queues(connection: Connection, queues: Iterable[Queue]) -> None:
    """Declare queues, in this order. Use an existing one as it is, if it differs or the user may not declare.

    Raises AmqpError.
    """
    for queue in queues:
        channel = await connection.open_channel()  # a refused declaration closes its channel
        declaration = channel.amqp.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        try:
            await channel.call(declaration)
        except ChannelClosed as error:
            if error.code == PRECONDITION_FAILED:
                log.error("queue_declaration_differs", queue=queue.name, reason=str(error))
            elif error.code != ACCESS_REFUSED:
                raise
        finally:
            await channel.close()


async def declare_control(connection: Connection, topology: Topology) -> None:
    """Declare the broadcast exchange. Users without permission to declare use the existing one. Raises AmqpError."""
    channel = await connection.open_channel()  # a refused declaration closes its channel
    try:
        await channel.call(
            channel.amqp.exchange_declare(topology.control_exchange, exchange_type="fanout", durable=True)
        )
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
    connection = Connection(url, name="flowport topology")
    try:
        await connection.open()
        await declare_control(connection, topology)
        queues = (*topology.queues.values(), topology.probe)
        await declare_queues(connection, [queue for queue in queues if queue.name not in unavailable])
    except AmqpError as error:
        raise BrokerUnavailable(str(error)) from error
    finally:
        await connection.stop()
