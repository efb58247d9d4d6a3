"""Workers that die, freeze and return: a journaled block never runs again."""

import asyncio
from signal import SIGCONT, SIGSTOP

from tests.faults.conftest import QUICK
from tests.faults.harness.journal import journaled_blocks
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.brokers import collect_bodies, raw_channel
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack
from shared.broker.queue_topology import EXPRESS

RUNS = 6
FROZEN_SECONDS = float(QUICK["FLOWPORT_LEASE_SECONDS"]) + 0.5
WORKERS = ("executor-service", "executor-service-2")


async def test_no_journaled_block_of_a_killed_worker_runs_again(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "kill-a", "kill-b", "kill-c"))
    names = [f"k{n}" for n in range(RUNS)]
    witness.hold("kill-c")
    await asyncio.gather(*(callers.queue(workflow_id, name) for name in names))
    await eventually(lambda: witness.calls("kill-c") == RUNS)
    run_ids = [(await api.job(job_id))["metadata"]["executionId"] for job_id in callers.counts.accepted.values()]
    done = {(run_id, block) for run_id in run_ids for block in ("kill-a", "kill-b")}
    await eventually(lambda: journaled_blocks(stack.mongodb_uri, run_ids).keys() >= done)

    stack.kill("executor-service-2")
    stack.kill("executor-service")
    witness.let_go("kill-c")
    await asyncio.gather(*(asyncio.to_thread(stack.restart, name) for name in WORKERS))
    ends = await callers.ended(seconds=60)

    assert {end["status"] for end in ends.values()} == {"completed"}
    assert [witness.calls(step, name) for step in ("kill-a", "kill-b") for name in names] == [1] * 2 * RUNS


async def test_an_attached_run_that_a_lost_worker_had_not_begun_is_executed_by_the_next(
    stack: Stack, witness: Witness, api: PublicApi
) -> None:
    workflow_id = await api.publish(steps(witness.url, "lost-a", posts=["lost-a"]))
    for name in WORKERS:
        stack.kill(name)
    async with raw_channel(stack.amqp_url) as mortal:
        taken = await collect_bodies(mortal, EXPRESS, no_ack=False)
        call = asyncio.create_task(api.run(workflow_id, {"run": "l1"}))
        await eventually(lambda: taken)
    await asyncio.gather(*(asyncio.to_thread(stack.restart, name) for name in WORKERS))
    answer = await call

    assert answer.status_code == 200
    assert witness.calls("lost-a", "l1") == 1


async def test_a_frozen_worker_loses_its_runs_and_its_late_writes_are_refused(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "freeze-a", "freeze-b", posts=["freeze-b"]))
    witness.hold("freeze-a")
    await callers.queue(workflow_id, "f1")
    await eventually(lambda: witness.calls("freeze-a", "f1") == 1)
    for name in WORKERS:
        stack.kill(name, SIGSTOP)
    witness.let_go("freeze-a")
    await asyncio.sleep(FROZEN_SECONDS)
    for name in WORKERS:
        stack.kill(name, SIGCONT)
    (end,) = (await callers.ended(seconds=60)).values()

    assert end["status"] == "completed", end.get("error")
    assert witness.calls("freeze-b", "f1") == 1, "the worker that was thawed began nothing new"
