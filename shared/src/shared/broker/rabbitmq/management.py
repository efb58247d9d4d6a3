"""Client of RabbitMQ's management HTTP API: policies, users, and the nodes of each queue.

RabbitMQ places a quorum queue on nodes that exist when it is declared, and does not move it to nodes added later.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx2

from shared.broker.permissions import Permissions
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import Queue, QueueType, Topology

NAME_PREFIX: Final = "flowport."
PRIORITY: Final = 10
TIMEOUT_SECONDS: Final = 10.0
MEMBERS: Final = 3
"""Members that RabbitMQ gives a queue on three or more nodes; any one of them may fail."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Problems by queue: unavailable, members present and expected, members down. Empty when healthy."""

    missing: Sequence[str]
    too_few: Mapping[str, str]
    down: Mapping[str, str]


@dataclass(frozen=True)
class Management:
    """The API at `url` (with user and password), for one virtual host."""

    url: str
    virtual_host: str = "/"

    async def apply_policies(self, topology: Topology) -> None:
        """Set every policy of the topology, idempotently. Raises BrokerUnavailable."""
        async with self._client() as client:
            for queue in _queues_with_policy(topology):
                await _send(client, "PUT", self._path(queue), json=_policy(queue))

    async def set_user(self, name: str, password: str, access: Permissions) -> None:
        """Create or update a user with exactly this password and access. Raises BrokerUnavailable."""
        rights = {"configure": access.configure, "write": access.write, "read": access.read}
        async with self._client() as client:
            await _send(client, "PUT", f"/api/users/{quote(name, safe='')}", json={"password": password, "tags": ""})
            path = f"/api/permissions/{quote(self.virtual_host, safe='')}/{quote(name, safe='')}"
            await _send(client, "PUT", path, json=rights)

    async def remove_policies(self, topology: Topology) -> None:
        """Restore every queue to its declaration. Raises BrokerUnavailable."""
        async with self._client() as client:
            for queue in _queues_with_policy(topology):
                await _send(client, "DELETE", self._path(queue))

    async def drifted_policies(self, topology: Topology) -> tuple[str, ...]:
        """Return the queues whose policy is missing or different. Raises BrokerUnavailable."""
        async with self._client() as client:
            return tuple([queue.name for queue in _queues_with_policy(topology) if await self._differs(client, queue)])

    async def unavailable_queues(self, topology: Topology) -> Mapping[str, str]:
        """Return the single-node queues whose node is down, with that node. Raises BrokerUnavailable."""
        async with self._client() as client:
            return unavailable_queues(topology, await _fetch(client, self._queues()))

    async def membership(self, topology: Topology) -> Membership:
        """Return the nodes that hold each queue. Raises BrokerUnavailable."""
        async with self._client() as client:
            queues, nodes = await _fetch(client, self._queues()), await _fetch(client, "/api/nodes")
        return membership(topology, queues, nodes)

    async def _differs(self, client: httpx2.AsyncClient, queue: Queue) -> bool:
        found = await _fetch(client, self._path(queue), missing={})
        return any(found.get(key) != value for key, value in _policy(queue).items())

    def _client(self) -> httpx2.AsyncClient:
        # No proxy, as AMQP supports none; certificates are trusted as everywhere.
        verify = httpx2.create_ssl_context()
        return httpx2.AsyncClient(base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False, verify=verify)

    def _queues(self) -> str:
        return f"/api/queues/{quote(self.virtual_host, safe='')}"

    def _path(self, queue: Queue) -> str:
        return f"/api/policies/{quote(self.virtual_host, safe='')}/{NAME_PREFIX}{queue.name}"


def _queues_with_policy(topology: Topology) -> tuple[Queue, ...]:
    return tuple(queue for queue in topology.queues.values() if queue.policy.definition)


def _policy(queue: Queue) -> dict[str, Any]:
    return {
        "pattern": f"^{re.escape(queue.name)}$",
        "apply-to": "queues",
        "priority": PRIORITY,
        "definition": queue.policy.definition,
    }


async def _fetch(client: httpx2.AsyncClient, path: str, *, missing: Any = None) -> Any:
    """Return the response for `path`, or `missing`, if given, on 404."""
    answer = await _request(client, "GET", path)
    if answer.status_code == httpx2.codes.NOT_FOUND and missing is not None:
        return missing
    _check(answer)
    try:
        return answer.json()
    except ValueError as error:
        raise BrokerUnavailable("the server is not RabbitMQ's management API: its response is not JSON") from error


async def _send(client: httpx2.AsyncClient, method: str, path: str, **content: Any) -> None:
    _check(await _request(client, method, path, **content))


async def _request(client: httpx2.AsyncClient, method: str, path: str, **content: Any) -> httpx2.Response:
    try:
        return await client.request(method, path, **content)
    except httpx2.TransportError as error:
        raise BrokerUnavailable(f"the broker's management API does not respond: {error}") from error


def _check(answer: httpx2.Response) -> None:
    if answer.is_error:
        raise BrokerUnavailable(f"the broker's management API returned {answer.status_code}: {answer.text[:200]}")


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
