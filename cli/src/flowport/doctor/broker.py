"""Broker checks: connection, queues, policies, consumers and alarms."""

from collections.abc import AsyncIterator, Container, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

import httpx2

from flowport.doctor.findings import Finding, ok, problem, warning
from shared.broker.address import parts_of
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import ASYNC, DEAD, EXPRESS, INTERACTIVE, NESTED, RECORDS, UNREADABLE, Queue, Topology
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.errors import ACCESS_REFUSED, NOT_FOUND, AmqpError, ChannelClosed
from shared.broker.rabbitmq.management import Management, unavailable_queues

SECONDS: Final = 5.0
PORTS: Final = {"amqp": 5672, "amqps": 5671}
APPLY: Final = "run `flowport topology apply`"
GROW: Final = "run `rabbitmq-queues grow <node> all` for each node without members"
RESTORE: Final = "start these nodes, or remove them with `rabbitmqctl forget_cluster_node` and grow the queues"
_CONSUMERS: Final = {
    EXPRESS: "executor-service",
    INTERACTIVE: "executor-service",
    NESTED: "executor-service",
    ASYNC: "executor-service",
    RECORDS: "jobs-service",
}


async def check_broker(url: str, topology: Topology, *, has_management: bool) -> AsyncIterator[Finding]:
    """Connect as a service does, and check the queues over AMQP when there is no management API."""
    try:
        connection = Connection(url, name="flowport doctor")
    except (ValueError, OSError) as error:
        yield problem("broker", str(error), "correct FLOWPORT_AMQP_URL")
        return
    parts = parts_of(url)
    user, server = unquote(parts.username or "guest"), f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
    try:
        await connection.open()
    except AmqpError as error:
        fix = f"start RabbitMQ at {server}, or correct FLOWPORT_AMQP_URL"
        if "ACCESS_REFUSED" in str(error):
            fix = f"correct the password of {user} in FLOWPORT_AMQP_URL, or {APPLY} with the right one"
        yield problem("broker", str(error), fix)
    else:
        yield ok("broker", f"{user} can connect to {server}")
        if not has_management:
            for finding in await _check_queues_over_amqp(connection, topology):
                yield finding
        await connection.stop()
    if not has_management:
        fix = "set FLOWPORT_AMQP_MANAGEMENT_URL to the URL of RabbitMQ's HTTP API, with user and password"
        yield warning("broker's management API", "policies, consumers and alarms were not checked", fix)


async def _check_queues_over_amqp(connection: Connection, topology: Topology) -> list[Finding]:
    try:
        refusals = {name: await _refusal(connection, name) for name in topology.queues}
    except AmqpError as error:
        return [problem("queues", f"cannot be checked: {error}", "see RabbitMQ's log")]
    found = []
    if missing := [name for name, code in refusals.items() if code == NOT_FOUND]:
        found.append(problem("queues", f"missing: {', '.join(missing)}", APPLY))
    # RabbitMQ 4.2.6 denies users without configure permission; later versions deny users without any permission.
    if hidden := [name for name, code in refusals.items() if code == ACCESS_REFUSED]:
        fix = "set FLOWPORT_AMQP_MANAGEMENT_URL to check them"
        found.append(warning("queues", f"the user has no permission to check: {', '.join(hidden)}", fix))
    return found or [ok("queues", "all exist")]


async def _refusal(connection: Connection, queue: str) -> int:
    """Return the code with which the broker refuses to describe a queue, 0 if the queue exists. Raises AmqpError."""
    channel = await connection.open_channel()  # a refusal closes the channel
    try:
        await channel.call(channel.amqp.queue_declare(queue, passive=True))
    except ChannelClosed as error:
        if error.code not in (NOT_FOUND, ACCESS_REFUSED):
            raise
        return error.code
    finally:
        await channel.close()
    return 0


async def check_management(url: str, topology: Topology, virtual_host: str = "/") -> AsyncIterator[Finding]:
    """Check queues, policies, consumers and alarms through RabbitMQ's HTTP API."""
    management, where = Management(url, virtual_host), quote(virtual_host, safe="")
    try:
        verify = httpx2.create_ssl_context()
        async with httpx2.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False, verify=verify) as client:
            alarms = (await client.get("/api/health/checks/alarms")).json()
            queues = (await client.get(f"/api/queues/{where}")).raise_for_status().json()
            consumers = (await client.get(f"/api/consumers/{where}")).raise_for_status().json()
        existing = {queue["name"]: queue for queue in queues}
        consumed = {consumer["queue"]["name"] for consumer in consumers}
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError, OSError) as error:
        fix = "correct FLOWPORT_AMQP_MANAGEMENT_URL, including user and password"
        yield problem("broker's management API", f"unavailable: {str(error) or type(error).__name__}", fix)
        return
    for finding in (
        *_alarms(alarms),
        *_queues(existing, topology),
        *_away(existing, topology),
        *_consumers(existing.keys() - unavailable_queues(topology, queues).keys(), consumed),
        *_leftovers(existing),
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
    fix = "free disk space, or give RabbitMQ more memory"
    yield problem("broker's alarms", f"RabbitMQ blocks publishers: {alarms or answer.get('reason', answer)}", fix)


def _queues(existing: dict[str, Any], topology: Topology) -> Iterator[Finding]:
    missing = [name for name in topology.queues if name not in existing]
    if missing:
        yield problem("queues", f"missing: {', '.join(missing)}", APPLY)
    different = [queue.name for queue in topology.queues.values() if _differs(queue, existing.get(queue.name))]
    if different:
        fix = "stop the services, drain and delete these queues, and " + APPLY
        yield problem("queues", f"declared with other arguments: {', '.join(different)}", fix)
    if not missing and not different:
        yield ok("queues", "all exist with the right arguments")


def _away(existing: dict[str, Any], topology: Topology) -> Iterator[Finding]:
    """Warn about queues whose only node is down; calls then take a slower path."""
    for name, node in unavailable_queues(topology, existing.values()).items():
        fix = f"start the node, or remove it with `rabbitmqctl forget_cluster_node` and {APPLY}"
        yield warning("queues", f"{name} is unavailable because node {node} is down. Calls are slower", fix)


def _differs(queue: Queue, found: Any) -> bool:
    if found is None:
        return False
    declared = {name: value for name, value in queue.arguments.items() if name != "x-queue-type"}
    return found.get("type") != queue.type or any(
        found["arguments"].get(name) != value for name, value in declared.items()
    )


def _consumers(existing: Container[str], consumed: Container[str]) -> Iterator[Finding]:
    for name, service in _CONSUMERS.items():
        if name in existing and name not in consumed:
            yield problem("consumers", f"{name} has no consumer", f"start {service}, or check why it is not ready")


def _leftovers(existing: dict[str, Any]) -> Iterator[Finding]:
    for name in (DEAD, UNREADABLE):
        waiting = existing.get(name, {}).get("messages", 0)
        if waiting:
            fix = "see `flowport dead-letters list`; jobs-service drains the queue when it runs"
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
        yield ok("policies", "all are correct")


async def _members(management: Management, topology: Topology) -> AsyncIterator[Finding]:
    try:
        found = await management.membership(topology)
    except BrokerUnavailable as error:
        yield problem("queues' members", str(error), "give the user of FLOWPORT_AMQP_MANAGEMENT_URL the tag monitoring")
        return
    if found.too_few:
        yield problem("queues' members", f"too few: {_named(found.too_few)}", GROW)
    if found.down:
        yield problem("queues' members", f"down: {_named(found.down)}", RESTORE)
    if not found.too_few and not found.down:
        yield ok("queues' members", "every queue has enough members")


def _named(queues: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({found})" for name, found in queues.items())
