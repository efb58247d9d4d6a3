"""`flowport topology`: what the broker holds for us. Run it before the services of a new version start."""

import asyncio
import os
from typing import Annotated

import typer

from flowport.commands.output import Output
from flowport.commands.session import AsJson
from flowport.doctor.broker import BRING_BACK, GROW
from flowport.failures import CommandFailed
from shared.broker.access import access_of, user_of
from shared.broker.rabbitmq.declare import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.broker.rabbitmq.members import Membership
from shared.broker.topology import Topology, default_topology
from shared.service import ServiceName
from shared.settings import CommonSettings
from shared.settings_reading import read_settings

topology_app = typer.Typer(help="The broker's queues and policies.", no_args_is_help=True)


def _required(url: str) -> str:
    if not url:
        found = "nothing names RabbitMQ's HTTP API: give it here or in FLOWPORT_AMQP_MANAGEMENT_URL"
        raise typer.BadParameter(f"{found}, as http://user:password@host:15672")
    return url


ManagementUrl = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        envvar="FLOWPORT_AMQP_MANAGEMENT_URL",
        callback=_required,
        help="RabbitMQ's HTTP API, user and password inside.",
    ),
]


@topology_app.command("apply")
def apply(management_url: ManagementUrl = "", as_json: AsJson = False) -> None:
    """Declare what is missing, set every policy, and the user of each service whose password is given.

    FLOWPORT_AMQP_URL names the broker to declare in, FLOWPORT_AMQP_PASSWORD_GATEWAY, …_DEPLOY, …_EXECUTOR and …_JOBS
    the passwords; what is not set is left as it is. FLOWPORT_LONGEST_RUN_SECONDS is how long a run may take.
    """
    topology = _topology()
    done = asyncio.run(_apply(management_url, os.environ.get("FLOWPORT_AMQP_URL"), topology))
    Output(as_json=as_json).rows(("what", "name"), done)


@topology_app.command("check")
def check(management_url: ManagementUrl = "", as_json: AsJson = False) -> None:
    """Fail if a queue or a policy is missing, a policy is different, or a queue is on fewer nodes than it should be."""
    drifted, members = asyncio.run(_check(Management(management_url), _topology()))
    rows = [{"queue": queue, "problem": "missing"} for queue in members.missing]
    rows += [{"queue": queue, "problem": "policy"} for queue in drifted]
    rows += [{"queue": queue, "problem": f"{found} members"} for queue, found in members.too_few.items()]
    rows += [{"queue": queue, "problem": f"down on {nodes}"} for queue, nodes in members.down.items()]
    Output(as_json=as_json).rows(("queue", "problem"), rows)
    failures = []
    if members.missing:
        failures.append(f"{', '.join(members.missing)} are missing: `flowport topology apply` makes them")
    if drifted:
        failures.append(f"the policies of {', '.join(drifted)} are not ours: `flowport topology apply` sets them")
    if members.too_few:
        failures.append(f"{', '.join(members.too_few)} have too few members: {GROW}")
    if members.down:
        failures.append(f"members of {', '.join(members.down)} are down: {BRING_BACK}")
    if failures:
        raise CommandFailed("; ".join(failures))


async def _check(management: Management, topology: Topology) -> tuple[tuple[str, ...], Membership]:
    return await management.drifted_policies(topology), await management.membership(topology)


def _topology() -> Topology:
    return default_topology(read_settings(CommonSettings).longest_run_seconds)


async def _apply(management_url: str, amqp_url: str | None, topology: Topology) -> list[dict[str, str]]:
    """What is as it should be now."""
    done: list[dict[str, str]] = []
    if amqp_url:
        await declare_topology(amqp_url, topology)
        done += [{"what": "queue", "name": queue.name} for queue in topology.queues.values()]
    management = Management(management_url)
    await management.apply_policies(topology)
    done += [{"what": "policy", "name": queue.name} for queue in topology.queues.values() if queue.policy.definition]
    for service in ServiceName:
        password = os.environ.get(f"FLOWPORT_AMQP_PASSWORD_{service.name}")
        if password:
            await management.set_user(user_of(service), password, access_of(service))
            done.append({"what": "user", "name": user_of(service)})
    return done
