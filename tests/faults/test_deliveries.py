"""Repeated deliveries of a message by the broker."""

import asyncio

from pymongo import MongoClient
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack
from shared.broker.connect import open_broker
from shared.broker.queue_topology import ASYNC
from shared.contracts.messages import DurableRunDispatched

COPIES = 3


def dispatch_of(stack: Stack, run_id: str) -> DurableRunDispatched:
    """Return the message that dispatched the run."""
    with MongoClient[dict[str, str]](stack.mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        run = client["flowport_jobs"]["runs"].find_one({"_id": run_id})
    assert run is not None
    return DurableRunDispatched(run_id, run["dispatch_id"], run["workspace_id"])


async def test_a_repeatedly_delivered_message_runs_once(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "copy-a", "copy-b"))
    witness.hold("copy-a")
    await callers.queue(workflow_id, "c1")
    await eventually(lambda: witness.calls("copy-a", "c1") == 1)
    job = await api.job(callers.counts.accepted["c1"])
    message = dispatch_of(stack, job["metadata"]["executionId"])
    broker = open_broker(stack.amqp_url, service="test")
    await broker.start()

    for _ in range(COPIES):
        await broker.work.publish(ASYNC, message)
    await asyncio.sleep(0.5)
    witness.let_go("copy-a")
    ends = await callers.ended(seconds=60)
    for _ in range(COPIES):
        await broker.work.publish(ASYNC, message)
    await asyncio.sleep(0.5)
    await broker.stop()

    assert ends["c1"]["status"] == "completed"
    assert [witness.calls(step, "c1") for step in ("copy-a", "copy-b")] == [1, 1]
