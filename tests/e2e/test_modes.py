"""One workflow, three modes, as the product page shows them to callers."""

import asyncio
import re
from datetime import datetime
from typing import Any

from tests.support.eventually import eventually
from tests.support.model_server import End, ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, response, start, workflow

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def ask(model: str) -> dict[str, Any]:
    return workflow(f"Ask {model}", [start(), agent("a1", f"vllm/{model}", "<start.input>")], (START, "a1"))


def compute(code: str) -> dict[str, Any]:
    return workflow("Compute", [start(), function("f1", code)], (START, "f1"))


def milliseconds(began: str, ended: str) -> int:
    return round((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds() * 1000)


async def test_a_sync_call_answers_with_the_result(api: PublicApi) -> None:
    workflow_id = await api.publish(compute("return { sum: <start.a> + <start.b> }"))
    answer = await api.run(workflow_id, {"a": 20, "b": 22})
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert body.keys() == {"success", "executionId", "output", "metadata"}
    assert (body["success"], body["output"]) == (True, {"result": {"sum": 42}, "stdout": ""})
    metadata = body["metadata"]
    assert metadata.keys() == {"duration", "startTime", "endTime"}
    assert all(TIMESTAMP.fullmatch(metadata[key]) for key in ("startTime", "endTime"))
    assert abs(metadata["duration"] - milliseconds(metadata["startTime"], metadata["endTime"])) <= 1


async def test_a_sync_agent_answers_with_content_model_and_tokens(api: PublicApi, models: ModelServer) -> None:
    models.answer("clerk", Reply.says("Good day.", prompt_tokens=3))
    output = (await api.run(await api.publish(ask("clerk")), {"input": "Hello"})).json()["output"]
    assert (output["content"], output["model"]) == ("Good day.", "vllm/clerk")
    assert output["tokens"] == {"input": 3, "output": 2, "total": 5}
    assert models.calls_of("clerk")[0].messages[-1] == {"role": "user", "content": "Hello"}


async def test_a_response_block_speaks_for_itself(api: PublicApi) -> None:
    blocks = [start(), response("r1", '{"made": true}', status=201)]
    answer = await api.run(await api.publish(workflow("Respond", blocks, (START, "r1"))))
    assert (answer.status_code, answer.json()) == (201, {"made": True})


async def test_a_failed_run_names_the_block(api: PublicApi) -> None:
    answer = await api.run(await api.publish(compute('throw new Error("boom")')))
    body = answer.json()
    assert (answer.status_code, body["success"]) == (500, False)
    assert body["error"].startswith("Function 1: ")
    assert "boom" in body["error"]


async def test_tokens_arrive_while_the_model_is_still_speaking(api: PublicApi, models: ModelServer) -> None:
    gate = models.gate()
    models.answer("poet", Reply.says("Roses are red.", gate=gate))
    workflow_id = await api.publish(ask("poet"))
    async with api.stream(workflow_id, {"input": "Verse!", "selectedOutputs": ["agent_1.content"]}) as frames:
        assert frames.response.headers["content-type"] == "text/event-stream"
        gate.release()
        assert await frames.next() == {"blockId": "a1", "chunk": "Roses "}
        call = models.calls_of("poet")[0]
        assert (call.tokens_sent, call.end) == (1, None)
        gate.open()
        rest = await frames.rest()
    chunks = [frame["chunk"] for frame in rest if "chunk" in frame]
    assert "".join(chunks) == "are red."
    assert rest[-2:] == [{"event": "final", "data": {"success": True, "output": {}}}, "[DONE]"]


async def test_a_stream_of_nothing_selected_ends_with_the_whole_output(api: PublicApi) -> None:
    async with api.stream(await api.publish(compute("return 7")), {}) as frames:
        final, done = await frames.rest()
    assert final == {"event": "final", "data": {"success": True, "output": {"result": 7, "stdout": ""}}}
    assert done == "[DONE]"


async def test_a_failing_stream_ends_with_one_error(api: PublicApi, models: ModelServer) -> None:
    models.answer("broken", Reply.fails(400, "no such thing"))
    body = {"input": "x", "selectedOutputs": ["agent_1.content"]}
    async with api.stream(await api.publish(ask("broken")), body) as frames:
        error, done = await frames.rest()
    assert error["event"] == "error"
    assert error["error"].startswith("Agent 1: ")
    assert "no such thing" in error["error"]
    assert done == "[DONE]"


async def test_a_queued_run_is_accepted_then_processed_then_completed(api: PublicApi, models: ModelServer) -> None:
    gate = models.gate()
    models.answer("slow", Reply.says("At last.", gate=gate))
    accepted = await api.queue(await api.publish(ask("slow")), {"input": "Hello"})
    job_id = accepted["jobId"]
    assert re.fullmatch(r"run_[0-9a-f]{20}", job_id)
    assert {key: accepted[key] for key in ("success", "async", "message", "statusUrl")} == {
        "success": True,
        "async": True,
        "message": "Workflow execution queued",
        "statusUrl": f"{api.url}/api/jobs/{job_id}",
    }
    assert accepted["executionId"]

    await eventually(lambda: models.calls_of("slow"))
    processing = await api.job(job_id)
    assert processing.keys() == {"success", "taskId", "status", "metadata", "estimatedDuration"}
    assert (processing["success"], processing["taskId"], processing["status"]) == (True, job_id, "processing")
    assert processing["estimatedDuration"] == 300_000
    assert {"createdAt", "startedAt"} <= processing["metadata"].keys()
    assert "completedAt" not in processing["metadata"]

    gate.open()
    completed = await api.ended_job(job_id)
    assert completed.keys() == {"success", "taskId", "status", "metadata", "output"}
    assert (completed["success"], completed["taskId"], completed["status"]) == (True, job_id, "completed")
    assert completed["output"]["content"] == "At last."
    metadata = completed["metadata"]
    assert metadata["duration"] == milliseconds(metadata["startedAt"], metadata["completedAt"])
    assert models.calls_of("slow")[-1].end is End.DONE


async def test_a_failed_job_has_its_error(api: PublicApi) -> None:
    accepted = await api.queue(await api.publish(compute('throw new Error("boom")')))
    failed = await api.ended_job(accepted["jobId"])
    assert failed.keys() == {"success", "taskId", "status", "metadata", "error"}
    assert (failed["success"], failed["status"]) == (True, "failed")
    assert "boom" in failed["error"]


async def test_an_unknown_job_is_not_found(api: PublicApi) -> None:
    answer = await api.http.get("/api/jobs/run_00000000000000000000")
    assert answer.status_code == 404
    assert answer.json()["error"] == "Task not found"


async def test_a_cancel_of_an_unknown_run_does_not_cancel_a_later_run_with_its_id(api: PublicApi) -> None:
    workflow_id = await api.publish(compute("return 1"))
    cancelled = await api.http.post(f"/api/workflows/{workflow_id}/executions/nightly-1/cancel")
    accepted = await api.run(workflow_id, headers={"X-Execution-Mode": "async", "X-Execution-Id": "nightly-1"})
    assert (cancelled.status_code, accepted.status_code) == (404, 202)
    assert (await api.ended_job(accepted.json()["jobId"]))["status"] == "completed"


async def test_a_wrong_key_is_refused(api: PublicApi) -> None:
    workflow_id = await api.publish(compute("return 1"))
    answer = await api.run(workflow_id, headers={"x-api-key": "sk-sim-wrong"})
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid API key")


async def test_each_of_many_concurrent_callers_gets_its_own_answer(api: PublicApi) -> None:
    workflow_id = await api.publish(compute("return <start.n>"))
    answers = await asyncio.gather(*(api.run(workflow_id, {"n": n}) for n in range(50)))
    assert [answer.json()["output"]["result"] for answer in answers] == list(range(50))
