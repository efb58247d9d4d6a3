"""The log of a run is readable after its end, in every mode."""

import asyncio
from typing import Any

from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, start, workflow

from flowport.local.stack import Stack
from shared.ids import new_id


async def read(api: PublicApi, path: str, **query: str) -> Any:
    return (await api.http.get(f"/api/v1/logs{path}", params=query)).raise_for_status().json()


async def found(api: PublicApi, run_id: str) -> Any:
    """Return the run's log, once its end has been recorded."""
    async with asyncio.timeout(30):
        while True:
            answer = await api.http.get(f"/api/v1/logs/{run_id}")
            if answer.status_code == 200 and answer.json()["data"]["endedAt"]:
                return answer.json()["data"]
            await asyncio.sleep(0.05)


async def test_a_run_leaves_a_trace(api: PublicApi, models: ModelServer) -> None:
    models.answer("tracer", Reply.says("Done.", prompt_tokens=3))
    blocks = [start(), agent("a1", "vllm/tracer", "<start.input>"), function("f1", "return { secret: 'x' }")]
    workflow_id = await api.publish(workflow("Trace", blocks, (START, "a1"), ("a1", "f1")))
    sync = (await api.run(workflow_id, {"input": "Go"})).json()["executionId"]
    queued = (await api.queue(workflow_id, {"input": "Go"}))["executionId"]

    for run_id in (sync, queued):
        log = await found(api, run_id)
        (root,) = log["executionData"]["traceSpans"]
        assert (root["type"], root["status"]) == ("workflow", "success")
        assert [span["name"] for span in root["children"]] == ["Start", "Agent 1", "Function 1"]
        (segment,) = root["children"][1]["children"]
        assert (segment["type"], segment["output"]) == ("model", {"content": "Done."})
        assert root["children"][2]["output"]["result"] == {"secret": "[REDACTED]"}
        assert log["cost"]["tokens"] == {"prompt": 3, "completion": 1, "total": 4}
        assert log["workflow"]["name"] == "Trace"

    listed = await read(api, "", workspaceId=api.workspace_id, workflowIds=workflow_id, order="asc")
    assert [row["executionId"] for row in listed["data"]] == [sync, queued]
    ran = await read(api, f"/executions/{sync}")
    assert set(ran["workflowState"]["blocks"]) == {START, "a1", "f1"}


async def test_failures_are_found_by_their_level(api: PublicApi) -> None:
    workflow_id = await api.publish(workflow("Fail", [start(), function("f1", "throw new Error('no')")], (START, "f1")))
    chosen = f"mine-{new_id()}"
    await api.run(workflow_id, {}, headers={"X-Execution-Id": chosen})
    log = await found(api, chosen)
    assert "no" in log["executionData"]["error"]

    query = {"workspaceId": api.workspace_id, "workflowIds": workflow_id}
    assert [row["id"] for row in (await read(api, "", **query, level="error"))["data"]] == [chosen]
    assert (await read(api, "", **query, level="info"))["data"] == []
    assert [row["id"] for row in (await read(api, "", **query, executionId=chosen))["data"]] == [chosen]


async def test_logs_mask_secrets_in_the_output_of_a_run_and_results_do_not(api: PublicApi) -> None:
    secret, name = f"s3cret-{new_id()}", "LOGGED_SECRET"
    stored = await api.http.put(f"/api/workspaces/{api.workspace_id}/environment/{name}", json={"value": secret})
    stored.raise_for_status()
    code = "const v = '{{LOGGED_SECRET}}'; return {list: [v], [v]: 1, text: JSON.stringify({v})}"
    workflow_id = await api.publish(workflow("Masked", [start(), function("f1", code)], (START, "f1")))
    exact = {"list": [secret], secret: 1, "text": f'{{"v":"{secret}"}}'}
    sync = (await api.run(workflow_id, {})).json()
    queued = await api.queue(workflow_id, {})
    job = await api.ended_job(queued["jobId"])
    assert (sync["output"]["result"], job["output"]["result"]) == (exact, exact)

    masked = {"list": ["[REDACTED]"], "[REDACTED]": 1, "text": '{"v":"[REDACTED]"}'}
    query = {"workspaceId": api.workspace_id, "workflowIds": workflow_id, "details": "full"}
    for run_id in (sync["executionId"], queued["executionId"]):
        log = await found(api, run_id)
        assert log["executionData"]["finalOutput"]["result"] == masked
        assert secret not in str(log)
        listed = await read(api, "", **query, executionId=run_id, includeFinalOutput="true", includeTraceSpans="true")
        assert listed["data"][0]["finalOutput"]["result"] == masked
        assert secret not in str(listed)
        status = await api.http.get(f"/api/workflows/{workflow_id}/executions/{run_id}?includeOutput=true")
        assert status.json()["finalOutput"]["result"] == exact


async def test_no_service_logs_an_environment_value(api: PublicApi, stack: Stack) -> None:
    secret = f"s3cret-{new_id()}"
    stored = await api.http.put(f"/api/workspaces/{api.workspace_id}/environment/THROWN", json={"value": secret})
    stored.raise_for_status()
    blocks = [start(), function("f1", "throw new Error('{{THROWN}}')")]
    workflow_id = await api.publish(workflow("Throws", blocks, (START, "f1")))
    assert (await api.run(workflow_id, {})).json()["error"].endswith("[REDACTED]")
    queued = await api.queue(workflow_id, {})
    assert (await api.ended_job(queued["jobId"]))["error"].endswith("[REDACTED]")
    await found(api, queued["executionId"])
    assert [name for name in stack.names if secret in stack.log_of(name).read_text()] == []
