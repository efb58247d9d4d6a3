"""RabbitMQ implementation of Broker: two connections, three ports."""

from flowport_amqp.address import Address
from shared.broker.bundles import OwnSlots, WorkerSlots
from shared.broker.queue_topology import Topology
from shared.broker.rabbitmq.clients import DEFAULT_CLIENT, AmqpClient, connect_with
from shared.broker.rabbitmq.control import RabbitControlBus
from shared.broker.rabbitmq.reconnecting import ReconnectingConnection
from shared.broker.rabbitmq.replies import RabbitReplyStream
from shared.broker.rabbitmq.work import RabbitWorkQueue


class RabbitBroker:
    """Implements Broker. While a connection is down, calls fail immediately, and it reconnects in the background."""

    def __init__(
        self, address: Address, *, service: str, topology: Topology, client: AmqpClient = DEFAULT_CLIENT
    ) -> None:
        connect = connect_with(client)
        self._topology = topology
        self._publishing = ReconnectingConnection(address, name=f"{service} publishes", connect=connect)
        self._consuming = ReconnectingConnection(address, name=f"{service} consumes", connect=connect)
        own_slots, worker_slots = OwnSlots(), WorkerSlots()
        self._work = RabbitWorkQueue(self._publishing, self._consuming, topology, own_slots, worker_slots)
        self._replies = RabbitReplyStream(
            self._publishing, self._consuming, topology.reply_inbox, own_slots, worker_slots
        )
        self._control = RabbitControlBus(self._publishing, self._consuming, topology)

    @property
    def work(self) -> RabbitWorkQueue:
        """Return the work queues."""
        return self._work

    @property
    def replies(self) -> RabbitReplyStream:
        """Return the reply stream."""
        return self._replies

    @property
    def control(self) -> RabbitControlBus:
        """Return the control bus."""
        return self._control

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable, and then holds nothing open."""
        try:
            for part in (self._publishing, self._consuming, self._work, self._replies, self._control):
                await part.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Disconnect and close everything open."""
        for part in (self._control, self._replies, self._work, self._consuming, self._publishing):
            await part.stop()

    async def ping(self) -> None:
        """Check both connections and a confirmed message on disk. Raises BrokerUnavailable."""
        self._consuming.require()
        await self._work.publish_body(self._topology.probe, b"")
