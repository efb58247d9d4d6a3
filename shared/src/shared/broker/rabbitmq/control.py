"""ControlBus on RabbitMQ: a fanout exchange, and one exclusive queue for each listener and connection."""

from collections.abc import Callable

from flowport_amqp.errors import AmqpError
from flowport_amqp.properties import TRANSIENT
from shared.broker.in_flight import notify
from shared.broker.message_bodies import decode_control, encode_body
from shared.broker.metrics import UNREADABLE
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import Topology
from shared.broker.rabbitmq.client import Channel, ReceivedMessage, publish_confirmed
from shared.broker.rabbitmq.declarations import declare_control
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel, ReconnectingConnection
from shared.contracts.messages import ControlMessage, UnreadableMessage
from shared.observe.logging import get_logger

log = get_logger("broker.rabbitmq")


class Listener:
    """Receives every broadcast while the broker is available."""

    def __init__(
        self,
        connection: ReconnectingConnection,
        topology: Topology,
        on_message: Callable[[ControlMessage], None],
        forget: Callable[["Listener"], None],
    ) -> None:
        self._topology = topology
        self._on_message = on_message
        self._forget = forget
        self._connection = connection
        self._channel = ReconnectingChannel(connection, self._set_up)

    async def start(self) -> None:
        """Subscribe. Raises BrokerUnavailable."""
        await self._channel.start()

    async def stop_consuming(self) -> None:
        """Unsubscribe."""
        await self._channel.stop()
        self._forget(self)

    async def close(self, *, grace: float) -> None:
        """Unsubscribe. No handler needs waiting for."""
        await self.stop_consuming()

    async def _set_up(self, channel: Channel) -> None:
        inbox = self._topology.control_inbox
        name = inbox.new_name()
        await declare_control(self._connection.require(), self._topology)
        await channel.declare_private_queue(name, inbox.arguments)
        await channel.bind_queue(name, self._topology.control_exchange)
        await channel.consume(name, self._on_received, no_ack=True, exclusive=True)

    def _on_received(self, received: ReceivedMessage) -> None:
        try:
            message = decode_control(received.body)
        except UnreadableMessage as error:
            UNREADABLE.labels(self._topology.control_inbox.prefix).inc()
            log.error("control_message_unreadable", reason=str(error))
            return
        notify(self._on_message, message)


class RabbitControlBus:
    """Implements ControlBus: publishes on one connection, listens on another."""

    def __init__(
        self, publishing: ReconnectingConnection, consuming: ReconnectingConnection, topology: Topology
    ) -> None:
        self._publishing = publishing
        self._consuming = consuming
        self._topology = topology
        self._publisher = ReconnectingChannel(publishing, self._set_up)
        self._listeners: set[Listener] = set()

    async def start(self) -> None:
        """Prepare to broadcast. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close the channel and the listeners."""
        for listener in tuple(self._listeners):
            await listener.stop_consuming()
        await self._publisher.stop()

    async def broadcast(self, message: ControlMessage) -> None:
        channel = self._publisher.require()
        try:
            await publish_confirmed(
                channel,
                encode_body(message),
                exchange=self._topology.control_exchange,
                routing_key="",
                delivery_mode=TRANSIENT,
                mandatory=False,
            )
        except AmqpError as error:
            raise BrokerUnavailable(str(error)) from error

    async def listen(self, on_message: Callable[[ControlMessage], None]) -> Listener:
        listener = Listener(self._consuming, self._topology, on_message, self._listeners.discard)
        await listener.start()
        self._listeners.add(listener)
        return listener

    async def _set_up(self, channel: Channel) -> None:
        await declare_control(self._publishing.require(), self._topology)
        await channel.select_confirms()
