"""Services and servers that die: accepted runs complete, and callers get only true answers."""

import asyncio

from tests.faults.conftest import QUICK
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack

RUNS = 20
AWAY_SECONDS = float(QUICK["FLOWPORT_LEASE_SECONDS"]) + 1
LISTEN_SECONDS = 3.0
"""Several intervals of the reaper."""


async def test_runs_accepted_by_a_killed_jobs_service_execute_once(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "jobs-a", posts=["jobs-a"]))
    calls = [asyncio.create_task(callers.queue(workflow_id, f"j{n}")) for n in range(RUNS)]
    await eventually(lambda: callers.counts.accepted)
    stack.kill("jobs-service")
    await asyncio.to_thread(stack.restart, "jobs-service")
    await asyncio.gather(*calls)
    ends = await callers.ended(seconds=60)

    assert {end["status"] for end in ends.values()} == {"completed"}
    assert callers.counts.broken == []
    assert len(ends) + len(callers.counts.refused) == RUNS
    assert {witness.calls("jobs-a", name) for name in ends} == {1}


async def test_a_worker_that_could_not_report_is_not_taken_for_lost(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    kinds = ("deaf-get", "deaf-post")
    for kind in kinds:
        workflow_id = await api.publish(steps(witness.url, kind, posts=["deaf-post"]))
        witness.hold(kind)
        await callers.queue(workflow_id, kind)
    await eventually(lambda: all(witness.calls(kind) for kind in kinds))
    stack.kill("jobs-service")
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(stack.restart, "jobs-service")
    await asyncio.sleep(LISTEN_SECONDS)
    for kind in kinds:
        witness.let_go(kind)
    ends = await callers.ended(seconds=60)

    assert {end["status"] for end in ends.values()} == {"completed"}
    assert [witness.calls(kind) for kind in kinds] == [1, 1]


async def test_runs_survive_a_store_outage_longer_than_their_leases(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "store-a", "store-b", posts=["store-b"]))
    names = [f"s{n}" for n in range(4)]
    witness.hold("store-a")
    await asyncio.gather(*(callers.queue(workflow_id, name) for name in names))
    await eventually(lambda: witness.calls("store-a") == len(names))

    assert stack.store is not None
    stack.store.kill()
    witness.let_go("store-a")
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(stack.store.start)
    ends = await callers.ended(seconds=60)

    assert {end["status"] for end in ends.values()} == {"completed"}
    assert [witness.calls("store-b", name) for name in names] == [1] * len(names)
