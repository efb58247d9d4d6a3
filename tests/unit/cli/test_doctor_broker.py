"""Broker checks: queues without permission, and queues with too few members."""

import asyncio
import json
import re
from typing import Any

import pytest
from pamqp.base import Frame
from pamqp.commands import Channel, Queue
from tests.support.fake_broker import accept, fake_broker
from tests.support.http_stub import Answer, HttpStub
from typer.testing import CliRunner

from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, Verdict
from flowport.main import app
from flowport.servers.ports import LOOPBACK
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, LONGEST_RUN_SECONDS, default_topology
from shared.broker.rabbitmq.management import PRIORITY, Management

TOPOLOGY = default_topology(LONGEST_RUN_SECONDS)


def deny_queue_access(method: Frame) -> Frame | None:
    """Deny queue.declare, as RabbitMQ 4.2.6 does without configure permission."""
    if isinstance(method, Queue.Declare):
        return Channel.Close(reply_code=403, reply_text="ACCESS_REFUSED", class_id=0, method_id=0)
    return accept(method)


async def test_a_queue_without_permission_is_reported_as_unchecked() -> None:
    async with fake_broker(deny_queue_access) as port:
        url = f"amqp://user:secret@{LOOPBACK}:{port}/"
        found = [finding async for finding in check_broker(url, TOPOLOGY, has_management=False)]
    assert _of("queues", found).verdict is Verdict.WARNING
    assert all(name in _of("queues", found).found for name in TOPOLOGY.queues)
    assert "FLOWPORT_AMQP_MANAGEMENT_URL" in _of("queues", found).fix


def member_of(*nodes: str, online: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
    """Return every queue as RabbitMQ's HTTP API describes it, and a foreign one."""
    queues = [*TOPOLOGY.queues.values(), TOPOLOGY.probe]
    found = {"type": "quorum", "members": list(nodes), "online": list(nodes if online is None else online)}
    foreign = {"name": "theirs", "type": "quorum", "members": [], "online": [], "arguments": {}}
    return [{"name": queue.name, "arguments": queue.arguments, **found} for queue in queues] + [foreign]


async def findings(queues: list[dict[str, Any]], running: dict[str, bool]) -> list[Finding]:
    nodes = [{"name": name, "running": runs} for name, runs in running.items()]
    policies: list[dict[str, Any]] = [{} for queue in TOPOLOGY.queues.values() if queue.policy.definition]
    async with HttpStub() as api:
        answers = ({"status": "ok"}, queues, [], *policies, queues, nodes)
        api.answer(*(Answer(body=json.dumps(answer)) for answer in answers))
        return [finding async for finding in check_management(f"http://{LOOPBACK}:{api.port}", TOPOLOGY)]


async def test_a_queue_with_too_few_members_must_grow() -> None:
    found = _of("queues' members", await findings(member_of("a"), {"a": True, "b": True, "c": True}))
    assert found.verdict is Verdict.PROBLEM
    assert all(f"{name} (1 of 3)" in found.found for name in (*TOPOLOGY.queues, TOPOLOGY.probe.name))
    assert "theirs" not in found.found
    assert "rabbitmq-queues grow" in found.fix


async def test_a_queue_with_a_member_down_is_a_problem() -> None:
    queues = member_of("a", "b", "c", online=("a", "b"))
    found = _of("queues' members", await findings(queues, {"a": True, "b": True, "c": False}))
    assert found.verdict is Verdict.PROBLEM
    assert "runs.async (c)" in found.found
    assert "start these nodes" in found.fix


@pytest.mark.parametrize("nodes", [("a",), ("a", "b", "c"), ("a", "b", "c", "d", "e")])
async def test_a_queue_needs_at_most_three_members_and_one_per_node(nodes: tuple[str, ...]) -> None:
    queues = member_of(*nodes[:3])
    assert _of("queues' members", await findings(queues, dict.fromkeys(nodes, True))).verdict is Verdict.OK


async def test_topology_check_fails_for_missing_members() -> None:
    nodes = [{"name": name, "running": True} for name in ("a", "b", "c")]
    policies = [_policy_of(name) for name, queue in TOPOLOGY.queues.items() if queue.policy.definition]
    async with HttpStub() as api:
        api.answer(*(Answer(body=json.dumps(answer)) for answer in (*policies, member_of("a", "b"), nodes)))
        done = await asyncio.to_thread(
            CliRunner().invoke, app, ["topology", "check", f"http://{LOOPBACK}:{api.port}", "--json"]
        )
    assert done.exit_code == 1
    assert {"queue": "runs.async", "problem": "2 of 3 members"} in json.loads(done.stdout)
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
    found = await findings(transient_queue_down(), dict.fromkeys("abc", True))
    assert [finding.found for finding in found if EXPRESS in finding.found and finding.check != "policies"] == [
        "runs.express is unavailable because node a is down. Calls are slower"
    ]


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


def _of(check: str, found: list[Finding]) -> Finding:
    (one,) = [finding for finding in found if finding.check == check]
    return one
