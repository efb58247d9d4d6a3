"""An answer that ends early is a failure, even on an orderly closed connection."""

import json
from typing import Any

import pytest
from tests.support.http_stub import Answer, HttpStub
from tests.support.listener import RecordingListener

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, Role
from executor_service.providers.model import CONNECTION_CLOSED
from executor_service.providers.openai_answers import NO_ANSWER

SSE = {"content-type": "text/event-stream"}
SAID = {"choices": [{"delta": {"content": "Hello"}}]}
ENDED = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
STARTED = {
    "type": "message_start",
    "message": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 0},
    },
}


def asks(model: str) -> ModelRequest:
    return ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),))


def stream(*events: dict[str, Any] | str) -> Answer:
    lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return Answer(body="".join(f"data: {line}\n\n" for line in lines), headers=SSE)


def claude(*events: dict[str, Any]) -> Answer:
    return Answer(body="".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events), headers=SSE)


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("vllm/x", stream(SAID)),
        ("vllm/x", stream()),
        ("claude-x", claude(STARTED)),
        ("claude-x", claude()),
        ("gemini-x", stream({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}}]})),
        ("gemini-x", stream()),
    ],
)
async def test_a_stream_without_an_end_is_a_failure(stub: HttpStub, models: Models, model: str, answer: Answer) -> None:
    stub.answer(answer)
    with pytest.raises(ModelFailure, match=CONNECTION_CLOSED):
        await models.turn(asks(model), RecordingListener())


@pytest.mark.parametrize("events", [(SAID, ENDED), (SAID, "[DONE]"), (SAID, ENDED, "[DONE]")])
async def test_either_sign_of_an_end_will_do(stub: HttpStub, models: Models, events: tuple[Any, ...]) -> None:
    stub.answer(stream(*events))
    turn = await models.turn(asks("vllm/x"), RecordingListener())
    assert (turn.content, turn.finish_reason) == ("Hello", "stop")


async def test_the_last_line_need_not_be_ended(stub: HttpStub, models: Models) -> None:
    stub.answer(Answer(body=f"data: {json.dumps(SAID)}\n\ndata: [DONE]", headers=SSE))
    assert (await models.turn(asks("vllm/x"), RecordingListener())).content == "Hello"


async def test_a_complete_but_empty_answer_is_a_failure(stub: HttpStub, models: Models) -> None:
    stub.answer(Answer(body="{}"))
    with pytest.raises(ModelFailure, match=NO_ANSWER):
        await models.turn(asks("vllm/x"))


async def test_a_blocked_prompt_is_reported(stub: HttpStub, models: Models) -> None:
    stub.answer(stream({"promptFeedback": {"blockReason": "SAFETY"}}))
    with pytest.raises(ModelFailure, match="google refused the prompt: SAFETY"):
        await models.turn(asks("gemini-x"))
