"""A replay set survives the end of any process, and reaches nothing outside."""

import asyncio
from typing import Any

from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import until
from tests.support.public_api import PublicApi

from flowport.local.stack import Stack

RUNS = 16


async def test_a_killed_jobs_service_and_killed_workers_leave_a_set_that_ends_and_replays_each_run_once(
    stack: Stack, witness: Witness, api: PublicApi
) -> None:
    workflow_id = await api.publish(steps(witness.url, "replay-a", posts=["replay-a"]))
    base = f"/api/v2/workflows/{workflow_id}"
    policy = {"recording": {"sample": 1, "days": 1}}
    (await api.http.patch(f"/api/workflows/{workflow_id}/deploy", json=policy)).raise_for_status()
    for number in range(RUNS):
        assert (await api.run(workflow_id, {"run": f"p{number}"})).status_code == 200

    async def data(path: str) -> Any:
        return (await api.http.get(f"{base}/{path}")).raise_for_status().json()["data"]

    async def are_recorded() -> bool:
        return len(await data("recordings")) == RUNS

    await until(are_recorded)
    created = await api.http.post(f"{base}/replays", json={"last": RUNS})
    replay_id = created.raise_for_status().json()["data"]["id"]

    async def has_begun() -> bool:
        return bool((await data(f"replays/{replay_id}"))["done"])

    async def has_ended() -> bool:
        return bool((await data(f"replays/{replay_id}"))["finishedAt"])

    await until(has_begun)
    for name in ("jobs-service", "executor-service", "executor-service-2"):
        stack.kill(name)
        await asyncio.to_thread(stack.restart, name)
    await until(has_ended, seconds=120)

    shown = await data(f"replays/{replay_id}")
    assert (shown["status"], shown["counts"]["same"]) == ("passed", RUNS)
    results = await data(f"replays/{replay_id}/results?limit=200")
    assert len({each["replayRunId"] for each in results}) == RUNS
    assert witness.calls("replay-a") == RUNS
