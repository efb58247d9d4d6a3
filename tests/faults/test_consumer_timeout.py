"""A broker that requeues the message of a slow worker: the run continues, and executes once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually, until
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack
from shared.broker.queue_topology import ASYNC, LONGEST_RUN_SECONDS, Topology, default_topology
from shared.broker.rabbitmq.management import Management

TIMEOUT_MS = 2_000
WORKERS = ("executor-service", "executor-service-2")


def hasty() -> Topology:
    """Return our topology with a broker timeout of two seconds for workers."""
    topology = default_topology(LONGEST_RUN_SECONDS)
    queue = topology.queue(ASYNC)
    short_leases = replace(queue, policy=replace(queue.policy, consumer_timeout_ms=TIMEOUT_MS))
    return replace(topology, queues={**topology.queues, ASYNC: short_leases})


async def apply(stack: Stack, topology: Topology, *, look_every_ms: int) -> None:
    """Apply this topology, and let the broker check its channels in this interval; only new channels notice."""
    assert stack.rabbitmq is not None
    await asyncio.to_thread(
        stack.rabbitmq.ctl, "eval", f"application:set_env(rabbit, channel_tick_interval, {look_every_ms})."
    )
    await Management(stack.rabbitmq.management_url).apply_policies(topology)
    await asyncio.to_thread(stack.rabbitmq.ctl, "close_all_connections", "a new topology")
    await until(lambda: _is_ready(stack))


@pytest.fixture
async def quick_timeout_broker(stack: Stack) -> AsyncIterator[None]:
    """A broker that requeues messages after two seconds."""
    await apply(stack, hasty(), look_every_ms=500)
    yield
    await apply(stack, default_topology(LONGEST_RUN_SECONDS), look_every_ms=60_000)


@pytest.mark.usefixtures("quick_timeout_broker")
async def test_a_run_outlives_the_consumer_timeout(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "slow-a", "slow-b", "slow-c", posts={"slow-c"}))
    witness.hold("slow-b")
    await callers.queue(workflow_id, "t1")
    await eventually(lambda: witness.calls("slow-b", "t1") >= 1)
    await eventually(lambda: _was_taken_back(stack))
    await eventually(lambda: witness.calls("slow-b", "t1") == 2)  # another attempt has taken over
    witness.let_go("slow-b")
    (end,) = (await callers.ended(seconds=60)).values()

    assert end["status"] == "completed"
    assert [witness.calls(step, "t1") for step in ("slow-a", "slow-c")] == [1, 1]


async def _is_ready(stack: Stack) -> bool:
    async with httpx2.AsyncClient(timeout=30) as http:
        answers = [await http.get(f"{stack.url_of(name)}/readyz") for name in stack.names]
    return all(answer.is_success for answer in answers)


def _was_taken_back(stack: Stack) -> bool:
    return any("PRECONDITION_FAILED" in stack.log_of(name).read_text() for name in WORKERS)
