"""What the doctor makes of a broker that tells little, and of one whose queues are on too few nodes."""

import asyncio
import json
import re
from typing import Any

import pytest
from tests.support.http_stub import Answer, HttpStub
from tests.unit.amqp.client import say_goodbye
from tests.unit.amqp.fake_peer import Peer, playing
from typer.testing import CliRunner

from flowport.doctor.broker import check_broker, check_management
from flowport.doctor.findings import Finding, Verdict
from flowport.main import app
from flowport.servers.ports import LOOPBACK
from flowport_amqp import methods
from flowport_amqp.wire import long_string, short_string
from shared.broker.ports import BrokerUnavailable
from shared.broker.rabbitmq.management import PRIORITY, Management
from shared.broker.topology import EXPRESS, INTERACTIVE, LONGEST_RUN_SECONDS, default_topology

TOPOLOGY = default_topology(LONGEST_RUN_SECONDS)
REFUSAL = (403).to_bytes(2, "big") + short_string("ACCESS_REFUSED") + bytes(4)


async def refuse_to_tell(peer: Peer) -> None:
    """So RabbitMQ 4.2.6 answers whoever may not configure a queue."""
    await peer.shake_hands()
    for _ in TOPOLOGY.queues:
        await peer.expect(methods.CHANNEL_OPEN)
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=1)
        await peer.expect(methods.QUEUE_DECLARE)
        peer.send(methods.bare(methods.CHANNEL_CLOSE) + REFUSAL, channel=1)
        await peer.expect(methods.CHANNEL_CLOSE_OK)
    await say_goodbye(peer)


async def test_a_queue_that_the_user_may_not_ask_for_is_neither_there_nor_missing() -> None:
    async with playing(refuse_to_tell) as port:
        url = f"amqp://user:secret@{LOOPBACK}:{port}/"
        found = [finding async for finding in check_broker(url, TOPOLOGY, has_management=False)]
    assert _of("queues", found).verdict is Verdict.WARNING
    assert all(name in _of("queues", found).found for name in TOPOLOGY.queues)
    assert "FLOWPORT_AMQP_MANAGEMENT_URL" in _of("queues", found).fix


def member_of(*nodes: str, online: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
    """Every queue of ours, as RabbitMQ's HTTP API tells of it, and one that is none of ours."""
    ours = [*TOPOLOGY.queues.values(), TOPOLOGY.probe]
    found = {"type": "quorum", "members": list(nodes), "online": list(nodes if online is None else online)}
    stranger = {"name": "theirs", "type": "quorum", "members": [], "online": [], "arguments": {}}
    return [{"name": queue.name, "arguments": queue.arguments, **found} for queue in ours] + [stranger]


async def findings(queues: list[dict[str, Any]], running: dict[str, bool]) -> list[Finding]:
    nodes = [{"name": name, "running": runs} for name, runs in running.items()]
    policies: list[dict[str, Any]] = [{} for queue in TOPOLOGY.queues.values() if queue.policy.definition]
    async with HttpStub() as api:
        answers = ({"status": "ok"}, queues, [], *policies, queues, nodes)
        api.answer(*(Answer(body=json.dumps(answer)) for answer in answers))
        return [finding async for finding in check_management(f"http://{LOOPBACK}:{api.port}", TOPOLOGY)]


async def test_a_queue_that_was_declared_before_the_other_nodes_came_has_to_grow() -> None:
    found = _of("queues' members", await findings(member_of("a"), {"a": True, "b": True, "c": True}))
    assert found.verdict is Verdict.PROBLEM
    assert all(f"{name} (1 of 3)" in found.found for name in (*TOPOLOGY.queues, TOPOLOGY.probe.name))
    assert "theirs" not in found.found
    assert "rabbitmq-queues grow" in found.fix


async def test_a_queue_with_a_member_down_has_lost_its_spare() -> None:
    queues = member_of("a", "b", "c", online=("a", "b"))
    found = _of("queues' members", await findings(queues, {"a": True, "b": True, "c": False}))
    assert found.verdict is Verdict.PROBLEM
    assert "runs.async (c)" in found.found
    assert "start these nodes" in found.fix


@pytest.mark.parametrize("nodes", [("a",), ("a", "b", "c"), ("a", "b", "c", "d", "e")])
async def test_a_queue_needs_no_more_than_three_members_nor_more_than_there_are_nodes(nodes: tuple[str, ...]) -> None:
    queues = member_of(*nodes[:3])
    assert _of("queues' members", await findings(queues, dict.fromkeys(nodes, True))).verdict is Verdict.OK


async def test_a_check_of_the_topology_fails_too() -> None:
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


async def test_what_is_not_the_broker_s_own_api_is_told_in_a_sentence() -> None:
    """RabbitMQ's metrics are one digit away, and know no such page."""
    for answer in (Answer(status=404, body="Not Found"), Answer(body="<html>")):
        async with HttpStub() as other:
            other.answer(answer)
            command = ["topology", "check", f"http://{LOOPBACK}:{other.port}"]
            done = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert isinstance(done.exception, BrokerUnavailable), done.exception


async def test_the_broker_s_own_api_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine gives its containers the proxy of its own, which knows none of them."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with HttpStub() as api:
        api.answer(Answer(body="{}"))
        assert set(await Management(f"http://{LOOPBACK}:{api.port}").drifted_policies(TOPOLOGY)) <= set(TOPOLOGY.queues)
        assert api.asked


def express_down() -> list[dict[str, Any]]:
    """The queues, as a cluster tells of them while the node of the express queue is not there."""
    queues = member_of("a", "b", "c")
    (express,) = (queue for queue in queues if queue["name"] == EXPRESS)
    express |= {"type": "classic", "state": "down", "node": "a"}
    return queues


async def test_a_queue_that_is_away_with_its_node_misses_the_node_and_no_worker() -> None:
    found = await findings(express_down(), dict.fromkeys("abc", True))
    assert [finding.found for finding in found if EXPRESS in finding.found and finding.check != "policies"] == [
        "runs.express is away with its node a: calls are slower"
    ]


async def test_the_topology_is_applied_although_the_node_of_a_queue_is_away() -> None:
    asked: list[str] = []

    async def broker(peer: Peer) -> None:
        await peer.shake_hands()
        for number in range(len(TOPOLOGY.queues) + 1):  # the exchange, the probe, and all queues but that one
            await peer.expect(methods.CHANNEL_OPEN)
            peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=1)
            if number == 0:
                await peer.expect(methods.EXCHANGE_DECLARE)
                peer.send(methods.bare(methods.EXCHANGE_DECLARE_OK), channel=1)
            else:
                declared = await peer.expect(methods.QUEUE_DECLARE)
                asked.append(declared[3 : 3 + declared[2]].decode())
                peer.send(methods.bare(methods.QUEUE_DECLARE_OK) + short_string(asked[-1]) + bytes(8), channel=1)
            await peer.expect(methods.CHANNEL_CLOSE)
            peer.send(methods.bare(methods.CHANNEL_CLOSE_OK), channel=1)
        await say_goodbye(peer)

    async with playing(broker) as port, HttpStub() as api:
        policies = sum(bool(queue.policy.definition) for queue in TOPOLOGY.queues.values())
        api.answer(Answer(body=json.dumps(express_down())), *(Answer(body="{}") for _ in range(policies)))
        known = {"FLOWPORT_AMQP_URL": f"amqp://user:secret@{LOOPBACK}:{port}/"}
        command = ["topology", "apply", f"http://{LOOPBACK}:{api.port}", "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, app, command, env=known)
    assert done.exit_code == 0
    assert EXPRESS not in asked
    assert {"what": "queue", "name": INTERACTIVE} in json.loads(done.stdout)
    assert {"what": "queue", "name": EXPRESS} not in json.loads(done.stdout)


def _policy_of(name: str) -> dict[str, Any]:
    definition = TOPOLOGY.queues[name].policy.definition
    return {"pattern": f"^{re.escape(name)}$", "apply-to": "queues", "priority": PRIORITY, "definition": definition}


def _of(check: str, found: list[Finding]) -> Finding:
    (one,) = [finding for finding in found if finding.check == check]
    return one
