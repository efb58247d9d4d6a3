"""RabbitMQ implementation of Broker: two connections, three ports."""

from collections.abc import Callable
from functools import partial

from shared.broker.bundles import OwnSlots, WorkerSlots
from shared.broker.in_flight import notify
from shared.broker.message_bodies import decode_control, encode_body
from shared.broker.metrics import UNREADABLE
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import Topology
from shared.broker.rabbitmq.channel import Channel
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.declarations import declare_control
from shared.broker.rabbitmq.errors import AmqpError
from shared.broker.rabbitmq.private_queue import PrivateConsumer
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel
from shared.broker.rabbitmq.replies import RabbitReplyStream
from shared.broker.rabbitmq.work import RabbitWorkQueue
from shared.contracts.messages import ControlMessage, UnreadableMessage
from shared.observe.logging import get_logger

log = get_logger("broker.rabbitmq")


class RabbitBroker:
    """Implements Broker. While a connection is down, calls fail immediately, and it reconnects in the background."""

    def __init__(self, url: str, *, service: str, topology: Topology) -> None:
        self._topology = topology
        self._publishing = Connection(url, name=f"{service} publishes")
        self._consuming = Connection(url, name=f"{service} consumes")
        slots, connections = (OwnSlots(), WorkerSlots()), (self._publishing, self._consuming)
        self.work = RabbitWorkQueue(*connections, topology, *slots)
        self.replies = RabbitReplyStream(*connections, topology.reply_inbox, *slots)
        self.control = RabbitControlBus(*connections, topology)

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable, and then holds nothing open."""
        try:
            for part in (self._publishing, self._consuming, self.work, self.replies, self.control):
                await part.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect and close everything open."""
        for part in (self.control, self.replies, self.work, self._consuming, self._publishing):
            await part.stop()

    async def ping(self) -> None:
        """Check both connections and a confirmed message on disk. Raises BrokerUnavailable."""
        self._consuming.require()
        await self.work.publish_body(self._topology.probe, b"")


class RabbitControlBus:
    """Implements ControlBus: a fanout exchange, and one exclusive queue for each listener."""

    def __init__(self, publishing: Connection, consuming: Connection, topology: Topology) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._topology = topology
        self._publisher = ReconnectingChannel(publishing, self._set_up)
        self._listeners: list[PrivateConsumer] = []

    async def start(self) -> None:
        """Prepare to broadcast. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close the channel and the listeners."""
        for listener in self._listeners:
            await listener.close()
        await self._publisher.stop()

    async def broadcast(self, message: ControlMessage) -> None:
        channel = self._publisher.require()
        try:
            await channel.publish(encode_body(message), exchange=self._topology.control_exchange, routing_key="")
        except AmqpError as error:
            raise BrokerUnavailable(str(error)) from error

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> PrivateConsumer:
        listener = PrivateConsumer(
            self._consuming,
            self._topology.control_inbox,
            partial(self._on_body, on_message),
            exchange=self._topology.control_exchange,
        )
        await listener.start()
        self._listeners.append(listener)
        return listener

    async def _set_up(self, _channel: Channel) -> None:
        await declare_control(self._publishing, self._topology)

    def _on_body(self, on_message: Callable[[ControlMessage], None], body: bytes) -> None:
        try:
            message = decode_control(body)
        except UnreadableMessage as error:
            UNREADABLE.labels(self._topology.control_inbox.prefix).inc()
            log.error("control_message_unreadable", reason=str(error))
            return
        notify(on_message, message)
