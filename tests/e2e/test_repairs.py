"""Failed queued runs continue at the failed block, even while a worker is killed."""

import asyncio
from typing import Any

from tests.support.eventually import eventually, until
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow

from flowport.local.stack import Stack

RUNS = 20
FAILS_AT = 5
BLOCKS = 8
SECONDS = 120


def chain(**models: str) -> dict[str, Any]:
    """Return eight agents in a row; `models` names other models by block."""
    ids = [f"b{number}" for number in range(1, BLOCKS + 1)]
    blocks = [
        agent(each, f"vllm/{models.get(each, f'repair-{each}')}", "<start.input>", name=f"Step {each}") for each in ids
    ]
    pairs = zip([START, *ids], ids, strict=False)
    return workflow("Repaired", [start(), *blocks], *pairs)


async def deploy(api: PublicApi, workflow_id: str, file: dict[str, Any]) -> None:
    """Deploy another version."""
    saved = await api.http.put(f"/api/workflows/{workflow_id}/state", json=file["state"])
    assert saved.status_code == 200, saved.text
    assert (await api.deploy(workflow_id)).status_code == 200


def calls(models: ModelServer) -> list[int]:
    """Return how often each block called its model."""
    return [len(models.calls_of(f"repair-b{number}")) for number in range(1, BLOCKS + 1)]


async def test_failed_runs_continue_on_a_new_version_without_repeating_a_block(
    api: PublicApi, models: ModelServer, stack: Stack
) -> None:
    for number in range(1, BLOCKS + 1):
        models.answer(f"repair-b{number}", Reply.says(f"done {number}"))
    models.answer("repair-broken", Reply.fails(400, "no such model"))
    workflow_id = await api.publish(chain(b5="repair-broken"))
    accepted = await asyncio.gather(*(api.queue(workflow_id, {"input": f"run {n}"}) for n in range(RUNS)))
    failed = await asyncio.gather(*(api.ended_job(job["jobId"], seconds=SECONDS) for job in accepted))
    assert {job["status"] for job in failed} == {"failed"}
    assert calls(models) == [RUNS] * (FAILS_AT - 1) + [0] * (BLOCKS - FAILS_AT + 1)
    runs = f"/api/v2/workflows/{workflow_id}/runs"

    await deploy(api, workflow_id, chain(b2="repair-other"))
    refused = await api.http.post(f"{runs}/{accepted[0]['executionId']}/repair")
    assert refused.status_code == 409
    assert 'block "Step b2" has other settings there' in refused.json()["error"]["message"]

    await deploy(api, workflow_id, chain())
    gate = models.gate()
    models.answer("repair-b6", Reply.says("done 6", gate=gate))
    answer = await api.http.post(f"{runs}/repair", json={}, timeout=SECONDS)
    assert answer.status_code == 202, answer.text
    repaired = answer.json()["data"]["repaired"]
    assert {each["repairOf"] for each in repaired} == {job["executionId"] for job in accepted}
    await eventually(lambda: len(models.calls_of("repair-b6")) > 0)
    stack.kill("executor-service-2")
    gate.open()
    repeated = (await api.http.post(f"{runs}/repair", json={}, timeout=SECONDS)).json()["data"]["repaired"]
    assert {each["runId"] for each in repeated} == {each["runId"] for each in repaired}

    async def are_completed() -> bool:
        page = (await api.http.get(runs, params={"status": "completed", "limit": 100})).raise_for_status().json()
        return len(page["data"]) == RUNS

    await until(are_completed, seconds=SECONDS)
    await asyncio.to_thread(stack.restart, "executor-service-2")
    counts = calls(models)
    assert counts[: FAILS_AT - 1] == [RUNS] * (FAILS_AT - 1)
    assert all(count >= RUNS for count in counts[FAILS_AT - 1 :])
    assert counts[-1] == RUNS
    shown = (await api.http.get(f"{runs}/{repaired[0]['runId']}")).json()["data"]
    assert shown["repairOf"] == repaired[0]["repairOf"]
    assert {(await api.job(job["jobId"]))["status"] for job in accepted} == {"failed"}
