"""`flowport topology`: queues with too few members or without a node, and the management API."""

import asyncio
import json
import re
from typing import Any

import pytest
from pamqp.base import Frame
from pamqp.commands import Queue
from tests.support.fake_broker import accept, fake_broker
from tests.support.http_stub import Answer, HttpStub
from typer.testing import CliRunner

from flowport.admin.broker_topology import GROW, RESTORE, check_topology
from flowport.main import app
from flowport.servers.ports import LOOPBACK
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, LONGEST_RUN_SECONDS, default_topology
from shared.broker.rabbitmq.management import PRIORITY, Management
from shared.settings import CommonSettings

TOPOLOGY = default_topology(LONGEST_RUN_SECONDS)


def member_of(*nodes: str, online: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
    """Return every queue as RabbitMQ's HTTP API describes it, and a foreign one."""
    queues = [*TOPOLOGY.queues.values(), TOPOLOGY.probe]
    found = {"type": "quorum", "members": list(nodes), "online": list(nodes if online is None else online)}
    foreign = {"name": "theirs", "type": "quorum", "members": [], "online": [], "arguments": {}}
    return [{"name": queue.name, "arguments": queue.arguments, **found} for queue in queues] + [foreign]


async def deviations(queues: list[dict[str, Any]], nodes: str, **running: bool) -> list[dict[str, str]]:
    """Return the deviations from the topology, with policies as they should be."""
    states = [{"name": name, "running": running.get(name, True)} for name in nodes]
    policies = [_policy_of(name) for name, queue in TOPOLOGY.queues.items() if queue.policy.definition]
    async with HttpStub() as api:
        api.answer(*(Answer(body=json.dumps(answer)) for answer in (*policies, queues, states, queues)))
        return await check_topology(f"http://{LOOPBACK}:{api.port}", CommonSettings(amqp_url=f"amqp://{LOOPBACK}"))


async def test_a_queue_with_too_few_members_must_grow() -> None:
    found = await deviations(member_of("a"), "abc")
    assert {row["queue"] for row in found} >= {*TOPOLOGY.queues, TOPOLOGY.probe.name}
    assert {(row["problem"], row["fix"]) for row in found} == {("1 of 3 members", GROW)}


async def test_a_queue_with_a_member_down_is_a_deviation() -> None:
    found = await deviations(member_of("a", "b", "c", online=("a", "b")), "abc", c=False)
    assert {"queue": "runs.async", "problem": "down on c", "fix": RESTORE} in found


@pytest.mark.parametrize("nodes", ["a", "abc", "abcde"])
async def test_a_queue_needs_at_most_three_members_and_one_per_node(nodes: str) -> None:
    assert await deviations(member_of(*nodes[:3]), nodes) == []


async def test_topology_check_fails_for_missing_members() -> None:
    nodes = [{"name": name, "running": True} for name in ("a", "b", "c")]
    policies = [_policy_of(name) for name, queue in TOPOLOGY.queues.items() if queue.policy.definition]
    async with HttpStub() as api:
        api.answer(*(Answer(body=json.dumps(answer)) for answer in (*policies, member_of("a", "b"), nodes, [])))
        done = await asyncio.to_thread(
            CliRunner().invoke, app, ["topology", "check", f"http://{LOOPBACK}:{api.port}", "--json"]
        )
    assert done.exit_code == 1
    assert {"queue": "runs.async", "problem": "2 of 3 members", "fix": GROW} in json.loads(done.stdout)
    assert "rabbitmq-queues grow" in str(done.exception)


async def test_a_url_that_is_not_the_management_api_is_an_error() -> None:
    """For example RabbitMQ's metrics port, which has no such page."""
    for answer in (Answer(status=404, body="Not Found"), Answer(body="<html>")):
        async with HttpStub() as other:
            other.answer(answer)
            command = ["topology", "check", f"http://{LOOPBACK}:{other.port}"]
            done = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert isinstance(done.exception, BrokerUnavailable), done.exception


async def test_the_management_api_is_called_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Container engines pass their proxy settings to containers, and the proxy cannot reach other containers."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with HttpStub() as api:
        api.answer(Answer(body="{}"))
        assert set(await Management(f"http://{LOOPBACK}:{api.port}").drifted_policies(TOPOLOGY)) <= set(TOPOLOGY.queues)
        assert api.requests


def transient_queue_down() -> list[dict[str, Any]]:
    """Return the queues while the node of the express queue is down."""
    queues = member_of("a", "b", "c")
    (express,) = (queue for queue in queues if queue["name"] == EXPRESS)
    express |= {"type": "classic", "state": "down", "node": "a"}
    return queues


async def test_a_queue_whose_node_is_down_is_reported_once() -> None:
    (found,) = await deviations(transient_queue_down(), "abc")
    assert found["queue"] == EXPRESS
    assert "node a is down" in found["problem"]


async def test_the_topology_is_applied_while_the_node_of_a_queue_is_down() -> None:
    declared_names: list[str] = []

    def broker(method: Frame) -> Frame | None:
        if isinstance(method, Queue.Declare):
            declared_names.append(method.queue)
        return accept(method)

    async with fake_broker(broker) as port, HttpStub() as api:
        policies = sum(bool(queue.policy.definition) for queue in TOPOLOGY.queues.values())
        api.answer(Answer(body=json.dumps(transient_queue_down())), *(Answer(body="{}") for _ in range(policies)))
        known = {"FLOWPORT_AMQP_URL": f"amqp://user:secret@{LOOPBACK}:{port}/"}
        command = ["topology", "apply", f"http://{LOOPBACK}:{api.port}", "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, app, command, env=known)
    assert done.exit_code == 0
    assert EXPRESS not in declared_names
    assert {"what": "queue", "name": INTERACTIVE} in json.loads(done.stdout)
    assert {"what": "queue", "name": EXPRESS} not in json.loads(done.stdout)


def _policy_of(name: str) -> dict[str, Any]:
    definition = TOPOLOGY.queues[name].policy.definition
    return {"pattern": f"^{re.escape(name)}$", "apply-to": "queues", "priority": PRIORITY, "definition": definition}
