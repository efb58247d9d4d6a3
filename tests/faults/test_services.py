"""Services and servers that die: what was accepted is done, and nobody is told a lie."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.faults.conftest import QUICK
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually
from tests.support.public_door import PublicDoor

from flowport.stack import Stack

RUNS = 20
STORE_AWAY_SECONDS = 6.0
LEASE = "FLOWPORT_LEASE_SECONDS"


async def test_what_a_killed_jobs_service_accepted_is_done_once(
    stack: Stack, witness: Witness, door: PublicDoor, callers: Callers
) -> None:
    workflow_id = await door.publish(steps(witness.url, "jobs-a", posts=["jobs-a"]))
    calls = [asyncio.create_task(callers.queue(workflow_id, f"j{n}")) for n in range(RUNS)]
    await eventually(lambda: callers.tally.accepted, seconds=10)
    stack.kill("jobs-service")
    await asyncio.to_thread(stack.restart, "jobs-service")
    await asyncio.gather(*calls)
    ends = await callers.ended(seconds=30)

    assert {end["status"] for end in ends.values()} == {"completed"}
    assert callers.tally.broken == []
    assert len(ends) + len(callers.tally.refused) == RUNS
    assert {witness.calls("jobs-a", name) for name in ends} == {1}


@pytest.fixture
async def long_leases(stack: Stack) -> AsyncIterator[None]:
    """Leases outlast the outage: what a worker was doing when it lost its lease would be in doubt."""
    await asyncio.to_thread(stack.restart, "jobs-service", environment={LEASE: "60"})
    yield
    await asyncio.to_thread(stack.restart, "jobs-service", environment={LEASE: QUICK[LEASE]})


@pytest.mark.usefixtures("long_leases")
async def test_runs_outlive_a_store_that_is_away_for_seconds(
    stack: Stack, witness: Witness, door: PublicDoor, callers: Callers
) -> None:
    workflow_id = await door.publish(steps(witness.url, "store-a", "store-b", posts=["store-b"]))
    names = [f"s{n}" for n in range(4)]
    witness.hold("store-a")
    await asyncio.gather(*(callers.queue(workflow_id, name) for name in names))
    await eventually(lambda: witness.calls("store-a") == len(names), seconds=20)

    assert stack.secantus is not None
    stack.secantus.kill()
    witness.let_go("store-a")
    await asyncio.sleep(STORE_AWAY_SECONDS)
    await asyncio.to_thread(stack.secantus.start)
    ends = await callers.ended(seconds=40)

    assert {end["status"] for end in ends.values()} == {"completed"}
    assert [witness.calls("store-b", name) for name in names] == [1] * len(names)
