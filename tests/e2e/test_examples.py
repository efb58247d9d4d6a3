"""The examples answer as their README says."""

import json
from pathlib import Path

import pytest
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi

EXAMPLES = Path(__file__).parents[2] / "examples"


async def publish(api: PublicApi, name: str) -> str:
    return await api.publish(json.loads((EXAMPLES / f"{name}.json").read_bytes()))


async def test_summarise_streams_from_the_built_in_model(api: PublicApi) -> None:
    body = {"input": "Once upon a time.", "selectedOutputs": ["agent_1.content"]}
    async with api.stream(await publish(api, "summarise"), body) as frames:
        *chunks, final, done = await frames.rest()
    text = "".join(frame["chunk"] for frame in chunks)
    assert text == "This is the built-in demo model. You said: Once upon a time."
    assert (final["data"], done) == ({"success": True, "output": {}}, "[DONE]")


async def test_summarise_uses_the_model_that_the_caller_names(api: PublicApi, models: ModelServer) -> None:
    models.answer("summary-writer", Reply.says("In short: yes."))
    answer = await api.run(await publish(api, "summarise"), {"input": "A long text.", "model": "vllm/summary-writer"})
    assert answer.json()["output"]["content"] == "In short: yes."
    (call,) = models.calls_of("summary-writer")
    assert [message["role"] for message in call.messages] == ["system", "user"]
    assert call.messages[-1]["content"] == "A long text."


@pytest.mark.parametrize(
    ("message", "status", "body"),
    [
        ("Your API is down, please help", 202, {"queue": "on-call", "topic": "technical"}),
        ("Where is my refund?", 200, {"queue": "support", "topic": "billing"}),
        ("Hello", 200, {"queue": "support", "topic": "general"}),
        ("", 422, {"error": "message is empty"}),
    ],
)
async def test_classify_support_sets_the_status_of_its_response(
    api: PublicApi, message: str, status: int, body: dict[str, str]
) -> None:
    answer = await api.run(await publish(api, "classify-support"), {"message": message})
    assert (answer.status_code, answer.json()) == (status, body)


async def test_approve_waits_for_a_person_and_continues_with_the_answer(api: PublicApi) -> None:
    workflow_id = await publish(api, "approve")
    paused = (await api.run(workflow_id, {"request": "A new laptop", "amount": 1200})).json()
    shown = paused["output"]["data"]
    assert paused["success"]
    assert [field["value"] for field in shown["responseStructure"]] == ["A new laptop", 1200]

    url = shown["_resume"]["apiUrl"]
    answered = await api.http.post(url, json={"input": {"approved": True, "comment": "Go ahead"}})
    assert answered.status_code == 202
    ended = await api.ended_job(answered.json()["jobId"])

    assert ended["status"] == "completed"
    assert ended["output"]["data"] == {"approved": True, "request": "A new laptop", "comment": "Go ahead"}
    assert (await api.http.post(url, json={})).status_code in (404, 409)
