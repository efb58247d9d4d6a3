"""What is not AMQP: policies, users and where queues are, through RabbitMQ's management HTTP API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from shared.broker.access import Access
from shared.broker.ports import BrokerUnavailable
from shared.broker.rabbitmq.members import Membership, away, membership
from shared.broker.topology import Queue, Topology

NAME_PREFIX: Final = "flowport."
PRIORITY: Final = 10
TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Management:
    """The API at `url` (user and password inside), for one virtual host."""

    url: str
    virtual_host: str = "/"

    async def apply_policies(self, topology: Topology) -> None:
        """Set every policy of the topology; doing it again changes nothing. Raises BrokerUnavailable."""
        async with self._client() as client:
            for queue in _tuned(topology):
                await _ask(client, "PUT", self._path(queue), json=_policy(queue))

    async def set_user(self, name: str, password: str, access: Access) -> None:
        """Have a user with this password and no more access than this. Raises BrokerUnavailable."""
        rights = {"configure": access.configure, "write": access.write, "read": access.read}
        async with self._client() as client:
            await _ask(client, "PUT", f"/api/users/{quote(name, safe='')}", json={"password": password, "tags": ""})
            path = f"/api/permissions/{quote(self.virtual_host, safe='')}/{quote(name, safe='')}"
            await _ask(client, "PUT", path, json=rights)

    async def remove_policies(self, topology: Topology) -> None:
        """Leave every queue as it was declared. Raises BrokerUnavailable."""
        async with self._client() as client:
            for queue in _tuned(topology):
                await _ask(client, "DELETE", self._path(queue))

    async def drifted_policies(self, topology: Topology) -> tuple[str, ...]:
        """The queues whose policy is missing or different. Raises BrokerUnavailable."""
        async with self._client() as client:
            return tuple([queue.name for queue in _tuned(topology) if await self._differs(client, queue)])

    async def away(self, topology: Topology) -> Mapping[str, str]:
        """The queues that are on one node alone, and that is not there: which, by queue. Raises BrokerUnavailable."""
        async with self._client() as client:
            queues = await _ask(client, "GET", self._queues())
        return away(topology, queues.json())

    async def membership(self, topology: Topology) -> Membership:
        """On how many nodes the queues are. Raises BrokerUnavailable."""
        async with self._client() as client:
            queues = await _ask(client, "GET", self._queues())
            nodes = await _ask(client, "GET", "/api/nodes")
        return membership(topology, queues.json(), nodes.json())

    async def _differs(self, client: httpx.AsyncClient, queue: Queue) -> bool:
        answer = await _ask(client, "GET", self._path(queue))
        found = {} if answer.status_code == httpx.codes.NOT_FOUND else answer.json()
        return any(found.get(key) != value for key, value in _policy(queue).items())

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_SECONDS)

    def _queues(self) -> str:
        return f"/api/queues/{quote(self.virtual_host, safe='')}"

    def _path(self, queue: Queue) -> str:
        return f"/api/policies/{quote(self.virtual_host, safe='')}/{NAME_PREFIX}{queue.name}"


def _tuned(topology: Topology) -> tuple[Queue, ...]:
    return tuple(queue for queue in topology.queues.values() if queue.policy.definition)


def _policy(queue: Queue) -> dict[str, Any]:
    return {
        "pattern": f"^{re.escape(queue.name)}$",
        "apply-to": "queues",
        "priority": PRIORITY,
        "definition": queue.policy.definition,
    }


async def _ask(client: httpx.AsyncClient, method: str, path: str, **content: Any) -> httpx.Response:
    try:
        answer = await client.request(method, path, **content)
    except httpx.TransportError as error:
        raise BrokerUnavailable(f"the broker's management API does not answer: {error}") from error
    if answer.is_error and not (method == "GET" and answer.status_code == httpx.codes.NOT_FOUND):
        raise BrokerUnavailable(f"the broker's management API answers {answer.status_code}: {answer.text[:200]}")
    return answer
