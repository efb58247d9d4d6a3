"""Members of quorum queues, and nodes of other queues, as the management API reports them.

RabbitMQ places a quorum queue on nodes that exist when it is declared, and does not move it to nodes added later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.broker.queue_topology import QueueType, Topology

MEMBERS: Final = 3
"""Members that RabbitMQ gives a queue on three or more nodes; any one of them may fail."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Problems by queue: unavailable, members present and expected, members down. Empty when healthy."""

    missing: Sequence[str]
    too_few: Mapping[str, str]
    down: Mapping[str, str]


def membership(topology: Topology, queues: Iterable[Any], nodes: Iterable[Any]) -> Membership:
    """Return the members of our queues, as reported by the management API."""
    wanted = min(MEMBERS, sum(bool(node["running"]) for node in nodes))
    ours = (*topology.queues, topology.probe.name)
    reported = {queue["name"]: queue for queue in queues if queue["name"] in ours}
    found = [queue for queue in reported.values() if queue.get("type") == QueueType.QUORUM]
    down = {queue["name"]: set(queue["members"]) - set(queue["online"]) for queue in found}
    return Membership(
        missing=[name for name in ours if name not in reported],
        too_few={
            queue["name"]: f"{len(queue['members'])} of {wanted}" for queue in found if len(queue["members"]) < wanted
        },
        down={name: ", ".join(sorted(members)) for name, members in down.items() if members},
    )


def unavailable_queues(topology: Topology, queues: Iterable[Any]) -> Mapping[str, str]:
    """Return our single-node queues whose node is down, with that node."""
    of_one_node = {queue.name for queue in topology.queues.values() if not queue.is_durable}
    return {
        queue["name"]: str(queue.get("node"))
        for queue in queues
        if queue["name"] in of_one_node and queue.get("state") == "down"
    }
