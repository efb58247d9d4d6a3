"""Choose the broker by its URL."""

from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from shared.broker.memory import MemoryBroker, MemoryHub
from shared.broker.ports import Broker
from shared.broker.queue_topology import LONGEST_RUN_SECONDS, Topology, default_topology
from shared.broker.rabbitmq.broker import RabbitBroker

_hubs: Final[WeakValueDictionary[str, MemoryHub]] = WeakValueDictionary()
"""One hub per memory:// URL, while a broker of it exists."""


def open_broker(url: str, *, service: str, topology: Topology | None = None) -> Broker:
    """Return the broker at `url`, not yet started.

    `amqp://` and `amqps://` are RabbitMQ; `memory://name` is one hub for all users of that URL in this process.
    `service` is shown in the broker's list of connections. Raises ValueError for any other URL.
    """
    scheme = urlsplit(url).scheme
    topology = topology or default_topology(LONGEST_RUN_SECONDS)  # only policies use the length, and none are set here
    if scheme == "memory":
        return MemoryBroker(_hub(url, topology))
    if scheme in {"amqp", "amqps"}:
        return RabbitBroker(url, service=service, topology=topology)
    raise ValueError("the broker's URL must begin with amqp://, amqps:// or memory://")


def _hub(url: str, topology: Topology) -> MemoryHub:
    hub = _hubs.get(url)
    if hub is None:
        hub = _hubs[url] = MemoryHub(topology)
    return hub
