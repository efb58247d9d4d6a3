"""Runs are recorded in every mode, and replays of them reach nothing outside."""

import asyncio
from typing import Any

from tests.support.eventually import until
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, start, workflow


def support(prompt: str, code: str) -> dict[str, Any]:
    blocks = [start(), agent("a1", "vllm/recorded", prompt), function("f1", code)]
    return workflow("Recorded", blocks, (START, "a1"), ("a1", "f1"))


async def recordings(api: PublicApi, workflow_id: str) -> list[Any]:
    found = await api.http.get(f"/api/v2/workflows/{workflow_id}/recordings")
    return found.raise_for_status().json()["data"]  # type: ignore[no-any-return]


async def replayed(api: PublicApi, workflow_id: str, run_id: str, **body: Any) -> Any:
    """Return the result of a replay."""
    base = f"/api/v2/workflows/{workflow_id}"
    queued = await api.http.post(f"{base}/recordings/{run_id}/replay", json=body)
    replay_id = queued.raise_for_status().json()["data"]["runId"]
    async with asyncio.timeout(60):
        while True:
            found = await api.http.get(f"{base}/runs/{replay_id}", params={"includeOutput": "true"})
            run = found.raise_for_status().json()["data"]
            if run["status"] in ("completed", "failed"):
                assert run["status"] == "completed", run
                return run["output"]
            await asyncio.sleep(0.05)


async def test_recorded_runs_replay_without_a_call_and_end_with_their_workflows_data(
    api: PublicApi, models: ModelServer
) -> None:
    models.answer("recorded", Reply.says("Hello."), Reply.says("Hello."))
    workflow_id = await api.publish(support("<start.input>", "return '<agent1.content>'.length"))
    access = f"/api/workflows/{workflow_id}/deploy"
    (await api.http.patch(access, json={"recording": {"sample": 1, "days": 1}})).raise_for_status()
    sync = (await api.run(workflow_id, {"input": "Go"})).json()["executionId"]
    queued = (await api.queue(workflow_id, {"input": "Go"}))["executionId"]

    async def both() -> bool:
        return {each["runId"] for each in await recordings(api, workflow_id)} == {sync, queued}

    await until(both)
    calls = len(models.calls_of("recorded"))
    for run_id in (sync, queued):
        path = f"/api/v2/workflows/{workflow_id}/recordings/{run_id}"
        recording = (await api.http.get(path)).raise_for_status().json()["data"]
        assert [each["path"] for each in recording["blocks"]] == [START, "a1", "f1"]
        assert recording["blocks"][1]["effect"] == "model"
        assert (await replayed(api, workflow_id, run_id))["verdict"] == "same"

    state = support("<start.input>", "return '<agent1.content>'.length + 1")["state"]
    (await api.http.put(f"/api/workflows/{workflow_id}/state", json=state)).raise_for_status()
    changed = await replayed(api, workflow_id, sync, draft=True)
    assert (changed["verdict"], changed["firstDifference"]["blockId"]) == ("different", "f1")

    state = support("Please: <start.input>", "return '<agent1.content>'.length")["state"]
    (await api.http.put(f"/api/workflows/{workflow_id}/state", json=state)).raise_for_status()
    missing = await replayed(api, workflow_id, sync, draft=True)
    assert (missing["verdict"], missing["unrecordedCall"]["blockId"]) == ("unrecorded call", "a1")
    assert len(models.calls_of("recorded")) == calls

    (await api.http.patch(access, json={"storeInputsAndOutputs": False})).raise_for_status()
    assert await recordings(api, workflow_id) == []
