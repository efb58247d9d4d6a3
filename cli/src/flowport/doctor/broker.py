"""The broker: can it be entered, does it hold what we need, does it take messages?"""

from collections.abc import AsyncIterator, Container, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx2

from flowport.doctor.findings import Finding, ok, problem, warning
from flowport_amqp.address import parse
from flowport_amqp.connection import Connection
from flowport_amqp.errors import AmqpError, ChannelClosed
from shared.broker.ports import BrokerUnavailable
from shared.broker.rabbitmq.declare import ACCESS_REFUSED, NOT_FOUND
from shared.broker.rabbitmq.management import Management
from shared.broker.rabbitmq.members import away
from shared.broker.topology import ASYNC, DEAD, EXPRESS, INTERACTIVE, NESTED, RECORDS, UNREADABLE, Queue, Topology

SECONDS: Final = 5.0
APPLY: Final = "run `flowport topology apply`"
GROW: Final = (
    "run `rabbitmq-queues grow <node> all` on a node of the broker, for each node that queues are missing from"
)
BRING_BACK: Final = (
    "start these nodes again, or, if they are gone for good, `rabbitmqctl forget_cluster_node`, and grow"
)
_CONSUMERS: Final = {
    EXPRESS: "executor-service",
    INTERACTIVE: "executor-service",
    NESTED: "executor-service",
    ASYNC: "executor-service",
    RECORDS: "jobs-service",
}


async def check_broker(url: str, topology: Topology, *, has_management: bool) -> AsyncIterator[Finding]:
    """Enter it as a service would, and ask there for what no API of its own can tell."""
    try:
        address = parse(url)
    except (ValueError, OSError) as error:
        yield problem("broker", str(error), "correct FLOWPORT_AMQP_URL")
        return
    try:
        connection = await Connection.open(address, name="flowport doctor", heartbeat=10, timeout=SECONDS)
    except AmqpError as error:
        fix = f"start RabbitMQ at {address.host}:{address.port}, or correct FLOWPORT_AMQP_URL"
        if "ACCESS_REFUSED" in str(error):
            fix = f"correct the password of {address.user} in FLOWPORT_AMQP_URL, or {APPLY} with the right one"
        yield problem("broker", str(error), fix)
    else:
        yield ok("broker", f"{address.user} can enter {address.host}:{address.port}")
        if not has_management:
            for finding in await _queues_by_name(connection, topology):
                yield finding
        await connection.close()
    if not has_management:
        fix = "set FLOWPORT_AMQP_MANAGEMENT_URL to RabbitMQ's HTTP API, user and password included"
        yield warning("broker's management API", "policies, consumers and alarms were not looked at", fix)


async def _queues_by_name(connection: Connection, topology: Topology) -> list[Finding]:
    try:
        refusals = {name: await _refusal(connection, name) for name in topology.queues}
    except AmqpError as error:
        return [problem("queues", f"they cannot be asked for: {error}", "look at RabbitMQ's log")]
    found = []
    if missing := [name for name, code in refusals.items() if code == NOT_FOUND]:
        found.append(problem("queues", f"missing: {', '.join(missing)}", APPLY))
    # RabbitMQ 4.2.6 refuses whoever may not configure a queue; later ones refuse whoever may do nothing with it.
    if hidden := [name for name, code in refusals.items() if code == ACCESS_REFUSED]:
        fix = "set FLOWPORT_AMQP_MANAGEMENT_URL: it tells of them"
        found.append(warning("queues", f"the user may not ask whether these are there: {', '.join(hidden)}", fix))
    return found or [ok("queues", "all are there")]


async def _refusal(connection: Connection, queue: str) -> int:
    """The code with which the broker refuses to tell of a queue; 0 when it is there. Raises AmqpError."""
    channel = await connection.open_channel()  # a refusal costs its channel
    try:
        await channel.count_ready(queue)
    except ChannelClosed as error:
        if error.code not in (NOT_FOUND, ACCESS_REFUSED):
            raise
        return error.code
    finally:
        await channel.close()
    return 0


async def check_management(url: str, topology: Topology, virtual_host: str = "/") -> AsyncIterator[Finding]:
    """What its own API tells: queues, policies, consumers, alarms."""
    management, where = Management(url, virtual_host), quote(virtual_host, safe="")
    try:
        verify = httpx2.create_ssl_context()
        async with httpx2.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False, verify=verify) as client:
            alarms = (await client.get("/api/health/checks/alarms")).json()
            queues = (await client.get(f"/api/queues/{where}")).raise_for_status().json()
            consumers = (await client.get(f"/api/consumers/{where}")).raise_for_status().json()
        there = {queue["name"]: queue for queue in queues}
        taken = {consumer["queue"]["name"] for consumer in consumers}
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError, OSError) as error:
        fix = "correct FLOWPORT_AMQP_MANAGEMENT_URL, user and password included"
        yield problem("broker's management API", f"it does not answer: {str(error) or type(error).__name__}", fix)
        return
    for finding in (
        *_alarms(alarms),
        *_queues(there, topology),
        *_away(there, topology),
        *_consumers(there.keys() - away(topology, queues).keys(), taken),
        *_leftovers(there),
    ):
        yield finding
    async for finding in _policies(management, topology):
        yield finding
    async for finding in _members(management, topology):
        yield finding


def _alarms(answer: Any) -> Iterator[Finding]:
    if answer.get("status") == "ok":
        yield ok("broker's alarms", "none")
        return
    alarms = ", ".join(f"{alarm['resource']} on {alarm['node']}" for alarm in answer.get("alarms", ()))
    fix = "free some disk, or give it more memory"
    yield problem("broker's alarms", f"it takes no messages: {alarms or answer.get('reason', answer)}", fix)


def _queues(there: dict[str, Any], topology: Topology) -> Iterator[Finding]:
    missing = [name for name in topology.queues if name not in there]
    if missing:
        yield problem("queues", f"missing: {', '.join(missing)}", APPLY)
    different = [queue.name for queue in topology.queues.values() if _differs(queue, there.get(queue.name))]
    if different:
        fix = "stop what uses them, let them run empty, delete them, and " + APPLY
        yield problem("queues", f"declared otherwise than this version does: {', '.join(different)}", fix)
    if not missing and not different:
        yield ok("queues", "all are there, and as they should be")


def _away(there: dict[str, Any], topology: Topology) -> Iterator[Finding]:
    """A queue of one node cannot be used while that is away; what would go there takes a longer way."""
    for name, node in away(topology, there.values()).items():
        fix = f"start the node again, or, if it is gone for good, `rabbitmqctl forget_cluster_node`, and {APPLY}"
        yield warning("queues", f"{name} is away with its node {node}: calls are slower", fix)


def _differs(queue: Queue, found: Any) -> bool:
    if found is None:
        return False
    declared = {name: value for name, value in queue.arguments.items() if name != "x-queue-type"}
    return found.get("type") != queue.type or any(
        found["arguments"].get(name) != value for name, value in declared.items()
    )


def _consumers(there: Container[str], taken: Container[str]) -> Iterator[Finding]:
    for name, service in _CONSUMERS.items():
        if name in there and name not in taken:
            yield problem("consumers", f"nobody takes from {name}", f"start {service}, or look at why it is not ready")


def _leftovers(there: dict[str, Any]) -> Iterator[Finding]:
    for name in (DEAD, UNREADABLE):
        waiting = there.get(name, {}).get("messages", 0)
        if waiting:
            fix = "look at `flowport dead-letters list`; jobs-service empties the queue once it runs"
            yield warning("dead letters", f"{waiting} in {name}", fix)


async def _policies(management: Management, topology: Topology) -> AsyncIterator[Finding]:
    try:
        drifted = await management.drifted_policies(topology)
    except BrokerUnavailable as error:
        yield problem("policies", str(error), "give the user of FLOWPORT_AMQP_MANAGEMENT_URL the tag policymaker")
        return
    if drifted:
        yield problem("policies", f"missing or different: {', '.join(drifted)}", APPLY)
    else:
        yield ok("policies", "bounds and limits are as they should be")


async def _members(management: Management, topology: Topology) -> AsyncIterator[Finding]:
    try:
        found = await management.membership(topology)
    except BrokerUnavailable as error:
        yield problem("queues' members", str(error), "give the user of FLOWPORT_AMQP_MANAGEMENT_URL the tag monitoring")
        return
    if found.too_few:
        yield problem("queues' members", f"too few: {_named(found.too_few)}", GROW)
    if found.down:
        yield problem("queues' members", f"down: {_named(found.down)}", BRING_BACK)
    if not found.too_few and not found.down:
        yield ok("queues' members", "each queue is on as many nodes as it should be")


def _named(queues: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({found})" for name, found in queues.items())
