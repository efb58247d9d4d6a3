"""More sync and streamed calls than may wait for a worker, on a real broker: the rest are refused for a full queue."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from tests.support.brokers import Brokers, raw_channel
from tests.support.eventually import eventually
from tests.support.gateway.system import Call, System, running_system

from flowport.servers.rabbitmq import RabbitMQServer
from shared.broker.connect import open_broker
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, MIB, Policy, Queue, QueueType, Topology
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management

BOUND = 5
CALLERS = 60


def narrow() -> Topology:
    """Return a topology for this test alone, in which only a few interactive runs may wait."""
    prefix = f"test.{uuid4().hex}"
    interactive = Queue(
        name=f"{prefix}.interactive", max_length=10_000, max_bytes=64 * MIB, policy=Policy(max_length=BOUND)
    )
    express = Queue(name=f"{prefix}.express", type=QueueType.CLASSIC, max_length=1, max_bytes=MIB)
    return replace(Brokers("memory://").topology, queues={EXPRESS: express, INTERACTIVE: interactive})


async def fill(system: System) -> list[Call]:
    """Add waiting calls until one is refused: a quorum queue checks its bound some messages late."""
    waiting: list[Call] = []
    for _ in range(CALLERS // 2):
        waiting.append(system.execute_call({}))
        with suppress(TimeoutError):
            await eventually(waiting[-1].task.done, seconds=0.2)
            return waiting
    raise AssertionError("the queue has no bound")


async def test_calls_that_find_the_interactive_queue_full_get_a_retry_time(rabbitmq: RabbitMQServer) -> None:
    topology, management = narrow(), Management(rabbitmq.management_url)
    await declare_topology(rabbitmq.amqp_url, topology)
    await management.apply_policies(topology)
    broker = open_broker(rabbitmq.amqp_url, service="gateway", topology=topology)
    async with running_system(
        broker=broker, workspace_max_inflight=CALLERS, plan_limits={"free": {"sync_rate": 10_000}}
    ) as system:
        waiting = await fill(system)
        answers = [await system.execute({"stream": stream}) for stream in (False, True) for _ in range(5)]
        for call in waiting:
            await call.disconnect()
    await management.remove_policies(topology)
    async with raw_channel(rabbitmq.amqp_url) as channel:
        for name in (EXPRESS, INTERACTIVE):
            await channel.queue_delete(topology.queue(name).name)

    assert Counter(answer.status for answer in answers) == {503: 10}
    for answer in answers:
        assert answer.headers["retry-after"] == "10"
        assert answer.json == {
            "error": "Service temporarily at capacity",
            "retryAfterSeconds": 10,
            "message": "Execution queue is at capacity",
        }
