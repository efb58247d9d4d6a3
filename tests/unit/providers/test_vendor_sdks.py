import json
from typing import Any

import pytest
from tests.support.http_stub import Answer, HttpStub
from tests.support.listener import RecordingListener

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, Role, Tool
from executor_service.providers.model import ToolCall
from shared.workflow.format.response_format import ResponseFormat

ADD = Tool("add", "adds", {"type": "object", "properties": {"a": {"type": "number"}}})
SSE = {"content-type": "text/event-stream"}


def asks(model: str, *messages: Message, **more: Any) -> ModelRequest:
    given = messages or (Message(role=Role.SYSTEM, content="Be brief"), Message(role=Role.USER, content="Hi"))
    return ModelRequest(model=model, messages=given, **more)


def anthropic_stream(*blocks: dict[str, Any], stop: str = "end_turn") -> Answer:
    message: dict[str, Any] = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 0, "cache_read_input_tokens": 2},
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block["start"]})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in block["deltas"]]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 5}})
    events.append({"type": "message_stop"})
    return Answer(body="".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events), headers=SSE)


def text(*chunks: str) -> dict[str, Any]:
    return {
        "start": {"type": "text", "text": ""},
        "deltas": [{"type": "text_delta", "text": chunk} for chunk in chunks],
    }


def tool_use(arguments: str) -> dict[str, Any]:
    return {
        "start": {"type": "tool_use", "id": "t1", "name": "add", "input": {}},
        "deltas": [{"type": "input_json_delta", "partial_json": arguments}],
    }


def thought(words: str) -> dict[str, Any]:
    return {
        "start": {"type": "thinking", "thinking": "", "signature": ""},
        "deltas": [{"type": "thinking_delta", "thinking": words}, {"type": "signature_delta", "signature": "s"}],
    }


def gemini_stream(*answers: dict[str, Any]) -> Answer:
    return Answer(body="".join(f"data: {json.dumps(answer)}\r\n\r\n" for answer in answers), headers=SSE)


def gemini_part(finish: str | None = None, **part: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 1, "totalTokenCount": 11}
    return {"candidates": [candidate], "usageMetadata": usage}


async def test_claude_streams_its_thoughts_and_text(stub: HttpStub, models: Models) -> None:
    stub.answer(anthropic_stream(thought("hm"), text("Hello ", "there")))
    listener = RecordingListener()
    turn = await models.turn(asks("claude-x", temperature=0.2, max_tokens=50), listener)
    assert (listener.chunks, listener.thoughts) == (["Hello ", "there"], ["hm"])
    assert (turn.content, turn.thinking, turn.finish_reason) == ("Hello there", "hm", "stop")
    assert (turn.tokens.input, turn.tokens.output, turn.tokens.cached_input) == (12, 5, 2)
    body = json.loads(stub.requests[0].body)
    assert (body["system"], body["max_tokens"], body["temperature"]) == ("Be brief", 50, 0.2)
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    assert stub.requests[0].headers["authorization"] == "Bearer key"


async def test_claudes_tool_turns_are_sent_back_unchanged(stub: HttpStub, models: Models) -> None:
    stub.answer(anthropic_stream(thought("hm"), tool_use('{"a": 1}'), stop="tool_use"), anthropic_stream(text("3")))
    first = await models.turn(asks("claude-x", tools=(ADD,), forced_tool="add"))
    assert first.tool_calls == (ToolCall("t1", "add", '{"a": 1}'),)
    first_turn = Message(role=Role.ASSISTANT, tool_calls=first.tool_calls, original=first.original)
    answer = Message(role=Role.TOOL, content="3", tool_call_id="t1", tool_name="add")
    await models.turn(asks("claude-x", Message(role=Role.USER, content="Hi"), first_turn, answer, answer, tools=(ADD,)))
    first_body, second_body = (json.loads(asked.body) for asked in stub.requests)
    assert first_body["tool_choice"] == {"type": "tool", "name": "add"}
    assert first_body["tools"][0]["input_schema"] == ADD.parameters
    assert [block["type"] for block in second_body["messages"][1]["content"]] == ["thinking", "tool_use"]
    assert second_body["messages"][1]["content"][0]["signature"] == "s"
    assert [block["type"] for block in second_body["messages"][2]["content"]] == ["tool_result", "tool_result"]


async def test_claude_gets_its_called_tools_even_if_it_may_call_none(stub: HttpStub, models: Models) -> None:
    stub.answer(anthropic_stream(text("3")))
    await models.turn(asks("claude-x", tools=(ADD,), may_call_tools=False))
    body = json.loads(stub.requests[0].body)
    assert (body["tools"][0]["name"], body["tool_choice"]) == ("add", {"type": "none"})


async def test_a_call_that_claude_could_not_write_to_its_end_has_no_arguments(stub: HttpStub, models: Models) -> None:
    stub.answer(anthropic_stream(tool_use('{"a": 1}'), tool_use('{"a": [1, '), stop="max_tokens"))
    turn = await models.turn(asks("claude-x", tools=(ADD,)))
    assert [call.arguments for call in turn.tool_calls] == ['{"a": 1}', ""]


@pytest.mark.parametrize("events", ['data: {"type": "message_start"\n\n', 'data: {"type": "message_stop"}\n\n'])
async def test_an_invalid_answer_of_claude_is_reported(stub: HttpStub, models: Models, events: str) -> None:
    named = "event: message_stop\n" + events
    stub.answer(Answer(body=named, headers=SSE))
    with pytest.raises(ModelFailure, match="anthropic sent an invalid response"):
        await models.turn(asks("claude-x"))


async def test_claude_answers_in_the_requested_format(stub: HttpStub, models: Models) -> None:
    stub.answer(anthropic_stream(text("{}")))
    await models.turn(asks("claude-x", response_format=ResponseFormat("n", {"type": "object"}), thinking_level="low"))
    body = json.loads(stub.requests[0].body)
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert body["thinking"]["budget_tokens"] < body["max_tokens"]


async def test_claudes_refusal_has_its_own_text(stub: HttpStub, models: Models) -> None:
    stub.answer(Answer(400, json.dumps({"type": "error", "error": {"type": "x", "message": "prompt is too long"}})))
    with pytest.raises(ModelFailure) as failure:
        await models.turn(asks("claude-x"))
    assert (failure.value.message, failure.value.status) == ("prompt is too long", 400)


async def test_gemini_streams_its_thoughts_and_text(stub: HttpStub, models: Models) -> None:
    stub.answer(
        gemini_stream(
            gemini_part(text="hm", thought=True), gemini_part(text="Hello "), gemini_part("STOP", text="there")
        )
    )
    listener = RecordingListener()
    turn = await models.turn(asks("gemini-x", temperature=0.2, max_tokens=50), listener)
    assert (listener.chunks, listener.thoughts) == (["Hello ", "there"], ["hm"])
    assert (turn.content, turn.finish_reason, turn.tokens.input, turn.tokens.output) == ("Hello there", "stop", 7, 4)
    body = json.loads(stub.requests[0].body)
    assert body["systemInstruction"]["parts"] == [{"text": "Be brief"}]
    assert body["generationConfig"] == {"temperature": 0.2, "maxOutputTokens": 50}


async def test_geminis_tool_turns_are_sent_back_unchanged(stub: HttpStub, models: Models) -> None:
    call = gemini_part("STOP", functionCall={"name": "add", "args": {"a": 1}}, thoughtSignature="c2ln")
    stub.answer(gemini_stream(call), gemini_stream(gemini_part("STOP", text="3")))
    first = await models.turn(asks("gemini-x", tools=(ADD,), forced_tool="add"))
    assert [(asked.name, asked.arguments) for asked in first.tool_calls] == [("add", '{"a": 1}')]
    first_turn = Message(role=Role.ASSISTANT, tool_calls=first.tool_calls, original=first.original)
    answer = Message(role=Role.TOOL, content="3", tool_call_id="call_0", tool_name="add")
    await models.turn(asks("gemini-x", Message(role=Role.USER, content="Hi"), first_turn, answer, tools=(ADD,)))
    first_body, second_body = (json.loads(asked.body) for asked in stub.requests)
    assert first_body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["add"]}
    assert second_body["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"
    assert second_body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"result": 3}


async def test_gemini_gets_its_called_tools_even_if_it_may_call_none(stub: HttpStub, models: Models) -> None:
    stub.answer(gemini_stream(gemini_part("STOP", text="3")))
    await models.turn(asks("gemini-x", tools=(ADD,), may_call_tools=False))
    assert json.loads(stub.requests[0].body)["toolConfig"]["functionCallingConfig"] == {"mode": "NONE"}


async def test_geminis_refusal_has_its_own_text(stub: HttpStub, models: Models) -> None:
    stub.answer(Answer(400, json.dumps({"error": {"code": 400, "message": "bad argument", "status": "INVALID"}})))
    with pytest.raises(ModelFailure) as failure:
        await models.turn(asks("gemini-x"))
    assert (failure.value.message, failure.value.status) == ("bad argument", 400)
