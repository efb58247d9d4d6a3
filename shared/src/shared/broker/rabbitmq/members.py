"""On how many nodes a quorum queue is: on those that exist when it is declared, and on none that comes later.

And whether the node of any other is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.broker.topology import QueueType, Topology

MEMBERS: Final = 3
"""What RabbitMQ gives a queue where so many nodes run: any one of them may be lost."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What is wrong, by queue: it is nowhere, how many members of how many, which are down. Empty where all is well."""

    missing: Sequence[str]
    too_few: Mapping[str, str]
    down: Mapping[str, str]


def membership(topology: Topology, queues: Iterable[Any], nodes: Iterable[Any]) -> Membership:
    """The members of our queues, from what the management API tells of queues and nodes."""
    wanted = min(MEMBERS, sum(bool(node["running"]) for node in nodes))
    ours = (*topology.queues, topology.probe.name)
    there = {queue["name"]: queue for queue in queues if queue["name"] in ours}
    found = [queue for queue in there.values() if queue.get("type") == QueueType.QUORUM]
    down = {queue["name"]: set(queue["members"]) - set(queue["online"]) for queue in found}
    return Membership(
        missing=[name for name in ours if name not in there],
        too_few={
            queue["name"]: f"{len(queue['members'])} of {wanted}" for queue in found if len(queue["members"]) < wanted
        },
        down={name: ", ".join(sorted(members)) for name, members in down.items() if members},
    )


def away(topology: Topology, queues: Iterable[Any]) -> Mapping[str, str]:
    """Our queues that are on one node alone, and that is not there: which, by queue."""
    of_one_node = {queue.name for queue in topology.queues.values() if not queue.is_kept}
    return {
        queue["name"]: str(queue.get("node"))
        for queue in queues
        if queue["name"] in of_one_node and queue.get("state") == "down"
    }
