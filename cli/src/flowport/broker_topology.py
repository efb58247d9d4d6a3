"""Makes and checks what the broker holds for us."""

import asyncio
import os
from typing import TypeAlias

from flowport.doctor.broker import BRING_BACK, GROW
from flowport.failures import CommandFailed
from flowport_amqp.address import virtual_host_of
from shared.broker.access import access_of, user_of
from shared.broker.rabbitmq.declare import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.broker.rabbitmq.members import Membership
from shared.broker.topology import Topology, default_topology
from shared.service import ServiceName
from shared.settings import CommonSettings
from shared.settings_reading import read_settings

Row: TypeAlias = dict[str, str]


def put_right(management_url: str) -> list[Row]:
    """Declare what is missing, set policies and users; what is as it should be now. Raises BrokerUnavailable."""
    settings, management = _broker(management_url)
    declaring = settings.amqp_url if "amqp_url" in settings.model_fields_set else None
    return asyncio.run(_apply(management, declaring, default_topology(settings.longest_run_seconds)))


def look(management_url: str) -> tuple[list[Row], list[str]]:
    """What is not as it should be, and what to do about it. Raises BrokerUnavailable."""
    settings, management = _broker(management_url)
    drifted, members = asyncio.run(_check(management, default_topology(settings.longest_run_seconds)))
    rows = [{"queue": queue, "problem": "missing"} for queue in members.missing]
    rows += [{"queue": queue, "problem": "policy"} for queue in drifted]
    rows += [{"queue": queue, "problem": f"{found} members"} for queue, found in members.too_few.items()]
    rows += [{"queue": queue, "problem": f"down on {nodes}"} for queue, nodes in members.down.items()]
    failures = []
    if members.missing:
        failures.append(f"{', '.join(members.missing)} are missing: `flowport topology apply` makes them")
    if drifted:
        failures.append(f"the policies of {', '.join(drifted)} are not ours: `flowport topology apply` sets them")
    if members.too_few:
        failures.append(f"{', '.join(members.too_few)} have too few members: {GROW}")
    if members.down:
        failures.append(f"members of {', '.join(members.down)} are down: {BRING_BACK}")
    return rows, failures


def _broker(management_url: str) -> tuple[CommonSettings, Management]:
    settings = read_settings(CommonSettings)
    if settings.amqp_url.startswith("memory:"):
        raise CommandFailed("FLOWPORT_AMQP_URL names no RabbitMQ, and what is in one process has no topology")
    return settings, Management(management_url, virtual_host_of(settings.amqp_url))


async def _check(management: Management, topology: Topology) -> tuple[tuple[str, ...], Membership]:
    return await management.drifted_policies(topology), await management.membership(topology)


async def _apply(management: Management, amqp_url: str | None, topology: Topology) -> list[Row]:
    done: list[Row] = []
    if amqp_url:
        away = await management.away(topology)
        await declare_topology(amqp_url, topology, away=away)
        done += [{"what": "queue", "name": name} for name in topology.queues if name not in away]
    await management.apply_policies(topology)
    done += [{"what": "policy", "name": queue.name} for queue in topology.queues.values() if queue.policy.definition]
    for service in ServiceName:
        password = os.environ.get(f"FLOWPORT_AMQP_PASSWORD_{service.name}")
        if password:
            await management.set_user(user_of(service), password, access_of(service))
            done.append({"what": "user", "name": user_of(service)})
    return done
