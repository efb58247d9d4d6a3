"""Choose the broker by its URL."""

from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from flowport_amqp.address import parse
from shared.broker.memory.broker import MemoryBroker, MemoryHub
from shared.broker.ports import Broker
from shared.broker.queue_topology import LONGEST_RUN_SECONDS, Topology, default_topology
from shared.broker.rabbitmq.broker import RabbitBroker
from shared.broker.rabbitmq.clients import DEFAULT_CLIENT, AmqpClient

_hubs: Final[WeakValueDictionary[str, MemoryHub]] = WeakValueDictionary()
"""One hub per memory:// URL, while a broker of it exists."""


def open_broker(
    url: str, *, service: str, topology: Topology | None = None, client: AmqpClient = DEFAULT_CLIENT
) -> Broker:
    """Return the broker at `url`, not yet started.

    `amqp://` and `amqps://` are RabbitMQ; `memory://name` is one hub for all users of that URL in this process.
    `service` is shown in the broker's list of connections; `client` carries the traffic of RabbitMQ. Raises ValueError
    for any other URL.
    """
    scheme = urlsplit(url).scheme
    topology = topology or default_topology(LONGEST_RUN_SECONDS)  # only policies use the length, and none are set here
    if scheme == "memory":
        return MemoryBroker(_hub(url, topology))
    if scheme in {"amqp", "amqps"}:
        return RabbitBroker(parse(url), service=service, topology=topology, client=client)
    raise ValueError("the broker's URL must begin with amqp://, amqps:// or memory://")


def _hub(url: str, topology: Topology) -> MemoryHub:
    hub = _hubs.get(url)
    if hub is None:
        hub = _hubs[url] = MemoryHub(topology)
    return hub
