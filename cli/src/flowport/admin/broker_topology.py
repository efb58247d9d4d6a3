"""Apply and check the broker topology: queues, policies and users."""

import os
from typing import Final, TypeAlias

from flowport.errors import CommandFailed
from shared.broker.address import virtual_host_of
from shared.broker.permissions import broker_user, service_permissions
from shared.broker.queue_topology import default_topology
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.service import ServiceName
from shared.settings import CommonSettings

Row: TypeAlias = dict[str, str]

APPLY: Final = "run `flowport topology apply`"
GROW: Final = "run `rabbitmq-queues grow <node> all` for each node without members"
RESTORE: Final = "start these nodes, or remove them with `rabbitmqctl forget_cluster_node` and grow the queues"


async def apply_topology(management_url: str, settings: CommonSettings) -> list[Row]:
    """Declare missing queues, set policies and users, and return one row for each. Raises BrokerUnavailable."""
    management, topology = _management(management_url, settings), default_topology(settings.longest_run_seconds)
    done: list[Row] = []
    if "amqp_url" in settings.model_fields_set:
        unavailable = await management.unavailable_queues(topology)
        await declare_topology(settings.amqp_url, topology, unavailable=unavailable)
        done += [{"what": "queue", "name": name} for name in topology.queues if name not in unavailable]
    await management.apply_policies(topology)
    done += [{"what": "policy", "name": queue.name} for queue in topology.queues.values() if queue.policy.definition]
    for service in ServiceName:
        password = os.environ.get(f"FLOWPORT_AMQP_PASSWORD_{service.name}")
        if password:
            await management.set_user(broker_user(service), password, service_permissions(service))
            done.append({"what": "user", "name": broker_user(service)})
    return done


async def check_topology(management_url: str, settings: CommonSettings) -> list[Row]:
    """Return a row for each deviation: the queue, the problem and its fix. Raises BrokerUnavailable."""
    management, topology = _management(management_url, settings), default_topology(settings.longest_run_seconds)
    drifted, members = await management.drifted_policies(topology), await management.membership(topology)
    found = [(queue, "missing", APPLY) for queue in members.missing]
    found += [(queue, "policy", APPLY) for queue in drifted if queue not in members.missing]
    found += [(queue, f"{present} members", GROW) for queue, present in members.too_few.items()]
    found += [(queue, f"down on {nodes}", RESTORE) for queue, nodes in members.down.items()]
    for queue, node in (await management.unavailable_queues(topology)).items():
        found.append((queue, f"unavailable, because node {node} is down: calls are slower", RESTORE))
    return [{"queue": queue, "problem": problem, "fix": fix} for queue, problem, fix in found]


def _management(management_url: str, settings: CommonSettings) -> Management:
    if settings.amqp_url.startswith("memory:"):
        raise CommandFailed("the in-memory broker has no topology. Set FLOWPORT_AMQP_URL to the URL of RabbitMQ")
    return Management(management_url, virtual_host_of(settings.amqp_url))
