"""Apply and check the broker topology: queues, policies and users."""

import asyncio
import os
from typing import TypeAlias

from flowport.doctor.broker import GROW, RESTORE
from flowport.errors import CommandFailed
from shared.broker.address import virtual_host_of
from shared.broker.permissions import broker_user, service_permissions
from shared.broker.queue_topology import Topology, default_topology
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management, Membership
from shared.service import ServiceName
from shared.settings import CommonSettings, load_settings

Row: TypeAlias = dict[str, str]


def apply_topology(management_url: str) -> list[Row]:
    """Declare missing queues, set policies and users, and return one row for each. Raises BrokerUnavailable."""
    settings, management = _broker(management_url)
    amqp_url = settings.amqp_url if "amqp_url" in settings.model_fields_set else None
    return asyncio.run(_apply_all(management, amqp_url, default_topology(settings.longest_run_seconds)))


def check_topology(management_url: str) -> tuple[list[Row], list[str]]:
    """Return a row for each deviation, and a message for each kind of deviation. Raises BrokerUnavailable."""
    settings, management = _broker(management_url)
    drifted, members = asyncio.run(_check(management, default_topology(settings.longest_run_seconds)))
    rows = [{"queue": queue, "problem": "missing"} for queue in members.missing]
    rows += [{"queue": queue, "problem": "policy"} for queue in drifted]
    rows += [{"queue": queue, "problem": f"{found} members"} for queue, found in members.too_few.items()]
    rows += [{"queue": queue, "problem": f"down on {nodes}"} for queue, nodes in members.down.items()]
    failures = []
    if members.missing:
        failures.append(f"Missing queues: {', '.join(members.missing)}. Run `flowport topology apply`")
    if drifted:
        failures.append(f"Policies differ for {', '.join(drifted)}. Run `flowport topology apply`")
    if members.too_few:
        failures.append(f"Too few members: {', '.join(members.too_few)}. {GROW}")
    if members.down:
        failures.append(f"Members are down: {', '.join(members.down)}. {RESTORE}")
    return rows, failures


def _broker(management_url: str) -> tuple[CommonSettings, Management]:
    settings = load_settings(CommonSettings)
    if settings.amqp_url.startswith("memory:"):
        raise CommandFailed("the in-memory broker has no topology. Set FLOWPORT_AMQP_URL to the URL of RabbitMQ")
    return settings, Management(management_url, virtual_host_of(settings.amqp_url))


async def _check(management: Management, topology: Topology) -> tuple[tuple[str, ...], Membership]:
    return await management.drifted_policies(topology), await management.membership(topology)


async def _apply_all(management: Management, amqp_url: str | None, topology: Topology) -> list[Row]:
    done: list[Row] = []
    if amqp_url:
        unavailable = await management.unavailable_queues(topology)
        await declare_topology(amqp_url, topology, unavailable=unavailable)
        done += [{"what": "queue", "name": name} for name in topology.queues if name not in unavailable]
    await management.apply_policies(topology)
    done += [{"what": "policy", "name": queue.name} for queue in topology.queues.values() if queue.policy.definition]
    for service in ServiceName:
        password = os.environ.get(f"FLOWPORT_AMQP_PASSWORD_{service.name}")
        if password:
            await management.set_user(broker_user(service), password, service_permissions(service))
            done.append({"what": "user", "name": broker_user(service)})
    return done
