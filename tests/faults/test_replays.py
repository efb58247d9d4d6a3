"""Replays name each regression at its block, reach nothing outside, and survive the end of any process."""

import asyncio

import pytest
from tests.faults.harness import recorded_orders
from tests.faults.harness.recorded_orders import IGNORE, ITEMS, calls, orders, record, replay_all
from tests.faults.harness.witness import Witness
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack

KILLED_RUNS = 5


@pytest.mark.parametrize("runs", [4, pytest.param(500, marks=pytest.mark.full)])
async def test_replays_on_the_same_version_are_the_same_and_regressions_are_named(
    api: PublicApi, models: ModelServer, witness: Witness, runs: int
) -> None:
    model = f"orders-{runs}"
    before = calls(models, witness, model)
    workflow_id, run_ids = await record(api, models, witness, model, runs)
    recorded = calls(models, witness, model)
    assert recorded[0] == 2 * runs
    assert (recorded[1] - before[1], recorded[2] - before[2]) == (ITEMS * runs, runs)

    same = await replay_all(api, workflow_id, run_ids, ignore=IGNORE)
    assert [each["verdict"] for each in same] == ["same"] * runs
    (strict,) = await replay_all(api, workflow_id, run_ids[:1])
    assert (strict["verdict"], strict["firstDifference"]["blockName"]) == ("different", "Stamp")

    async def replay_draft(**regression: str) -> list[tuple[str, str]]:
        """Return verdicts and first differing blocks on a draft with this regression."""
        state = orders(witness.url, model, **regression)["state"]
        (await api.http.put(f"/api/workflows/{workflow_id}/state", json=state)).raise_for_status()
        results = await replay_all(api, workflow_id, run_ids, draft=True, ignore=IGNORE)
        return [(each["verdict"], each["firstDifference"]["blockName"]) for each in results]

    assert await replay_draft(prompt="Please order") == [("unrecorded call", "Ask")] * runs
    assert await replay_draft(check="<start.amount> <= 50") == [("different", "Check")] * runs
    assert await replay_draft(field="sum") == [("different", "Price")] * runs
    assert calls(models, witness, model) == recorded


async def test_replays_survive_the_end_of_each_process_and_call_nothing(
    api: PublicApi, models: ModelServer, witness: Witness, stack: Stack
) -> None:
    workflow_id, run_ids = await record(api, models, witness, "orders-killed", KILLED_RUNS)
    recorded = calls(models, witness, "orders-killed")
    replays: list[str] = []
    for process in ("executor-service", "jobs-service", "gateway", "executor-service-2"):
        group = [
            asyncio.create_task(recorded_orders.start_replay(api, workflow_id, run_id, ignore=IGNORE))
            for run_id in run_ids
        ]
        await asyncio.wait(group, return_when=asyncio.FIRST_COMPLETED)
        stack.kill(process)
        await asyncio.to_thread(stack.restart, process)
        replays += await asyncio.gather(*group)
    results = [await recorded_orders.result_of(api, workflow_id, each) for each in replays]
    assert [each["verdict"] for each in results] == ["same"] * len(replays)
    assert [each["replayOf"] for each in results] == run_ids * 4
    assert len({each["blocks"] for each in results}) == 1
    assert calls(models, witness, "orders-killed") == recorded
    assert sorted(await recorded_orders.recorded_runs(api, workflow_id)) == sorted(run_ids)  # replays are not recorded
