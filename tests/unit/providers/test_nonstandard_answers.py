"""Servers that speak chat completions with deviations: unambiguous answers are understood."""

import json
from typing import Any

import pytest
from tests.support.http_stub import Answer, HttpStub
from tests.support.listener import RecordingListener

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, Role
from executor_service.providers.openai_answers import NO_REASON

SSE = {"content-type": "text/event-stream"}
FINISHED = {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}
REQUEST = ModelRequest(model="vllm/x", messages=(Message(role=Role.USER, content="Hi"),))
ONE, TWO = ("one", '{"a":1}'), ("two", '{"b":2}')


def chunk(name: str | None, arguments: str | None, **more: Any) -> dict[str, Any]:
    return {**more, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*chunks: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"delta": {"tool_calls": list(chunks)}}]}


def stream(*events: dict[str, Any]) -> Answer:
    return Answer(body="".join(f"data: {json.dumps(event)}\n\n" for event in events), headers=SSE)


def whole(**message: Any) -> Answer:
    return Answer(body=json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}))


@pytest.mark.parametrize(
    "events",
    [
        [calls(chunk(*ONE, id="c1", index=0)), calls(chunk(*TWO, id="c2", index=0))],
        [calls(chunk(*ONE, id="c1", index=0), chunk(*TWO, id="c2", index=0))],
        [calls(chunk(*ONE, id="c1")), calls(chunk(*TWO, id="c2"))],
        [calls(chunk(*ONE, id="c1", index=None), chunk(*TWO, id="c2", index=None))],
        [calls(chunk(*ONE, index=0)), calls(chunk(*TWO, index=1))],
        [calls(chunk(*ONE, id="c1", index=0)), calls(chunk(*TWO, id="c2", index=1)), calls({"index": 1})],
    ],
    ids=["all number 0", "together, all number 0", "no numbers", "null numbers", "no ids", "nothing more"],
)
async def test_calls_at_the_same_time_stay_apart(stub: HttpStub, models: Models, events: list[dict[str, Any]]) -> None:
    stub.answer(stream(*events, FINISHED))
    turn = await models.turn(REQUEST, RecordingListener())
    assert [(call.name, call.arguments) for call in turn.tool_calls] == [ONE, TWO]
    assert len({call.id for call in turn.tool_calls}) == 2


@pytest.mark.parametrize(
    "rest",
    [
        chunk(None, ":1}", id=None, index=0),
        chunk("", ":1}", id="", index=0),
        chunk(None, ":1}", id="another", index=0),
        chunk("one", ":1}", id="c1", index=0),
        chunk(None, ":1}"),
    ],
    ids=["nulls", "empty", "an id for each chunk", "all again", "no number"],
)
async def test_the_chunks_of_one_call_stay_together(stub: HttpStub, models: Models, rest: dict[str, Any]) -> None:
    stub.answer(stream(calls(chunk("one", '{"a"', id="c1", index=0)), calls(rest), FINISHED))
    turn = await models.turn(REQUEST, RecordingListener())
    assert [(call.name, call.arguments) for call in turn.tool_calls] == [ONE]


@pytest.mark.parametrize("more", [{}, {"id": ""}, {"id": None}, {"index": 0}])
async def test_calls_of_a_whole_answer_need_neither_ids_nor_numbers(
    stub: HttpStub, models: Models, more: dict[str, Any]
) -> None:
    stub.answer(whole(content=None, tool_calls=[chunk(*ONE, **more), chunk(*TWO, **more)]))
    turn = await models.turn(REQUEST)
    assert [(call.name, call.arguments) for call in turn.tool_calls] == [ONE, TWO]


@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"finish_reason": "error", "error": {"code": 502, "message": "upstream died"}}, "upstream died"),
        ({"finish_reason": "error"}, NO_REASON),
    ],
)
async def test_an_answer_that_its_server_aborted_is_a_failure(
    stub: HttpStub, models: Models, choice: dict[str, Any], message: str, listens: bool
) -> None:
    content_part = {"content": "half an ans"}
    document = {"choices": [{**choice, "delta" if listens else "message": content_part}]}
    stub.answer(stream(document) if listens else Answer(body=json.dumps(document)))
    with pytest.raises(ModelFailure, match=message):
        await models.turn(REQUEST, RecordingListener() if listens else None)


@pytest.mark.parametrize("error", [{}, {"message": None}, {"message": ""}, ""])
async def test_an_error_without_a_reason_is_reported(stub: HttpStub, models: Models, error: Any) -> None:
    stub.answer(Answer(body=json.dumps({"error": error})))
    with pytest.raises(ModelFailure, match=NO_REASON):
        await models.turn(REQUEST)


async def test_thoughts_of_mistral_models_are_separated_from_their_text(stub: HttpStub, models: Models) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    content_part = {"type": "text", "text": "Hello"}
    stub.answer(
        stream(
            *({"choices": [{"delta": {"content": content}}]} for content in ([thought], [content_part], " there")),
            FINISHED,
        ),
        whole(content=[thought, content_part]),
    )
    listener = RecordingListener()
    turn = await models.turn(REQUEST, listener)
    assert (listener.thoughts, "".join(listener.chunks)) == (["hm"], "Hello there")
    assert (turn.thinking, turn.content) == ("hm", "Hello there")
    turn = await models.turn(REQUEST)
    assert (turn.thinking, turn.content) == ("hm", "Hello")


async def test_the_answer_of_a_non_streaming_server_is_delivered(stub: HttpStub, models: Models) -> None:
    stub.answer(whole(content="Hello there", reasoning="hm"))
    listener = RecordingListener()
    turn = await models.turn(REQUEST, listener)
    assert (listener.thoughts, listener.chunks, turn.content) == (["hm"], ["Hello there"], "Hello there")


async def test_a_server_that_answers_a_stream_request_without_one_is_understood(stub: HttpStub, models: Models) -> None:
    stub.answer(Answer(body='{"error": {"message": "no such model"}}'))
    with pytest.raises(ModelFailure, match="no such model"):
        await models.turn(REQUEST, RecordingListener())


async def test_the_usage_may_come_without_choices(stub: HttpStub, models: Models) -> None:
    usage = {"choices": None, "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    stub.answer(stream({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}, usage))
    turn = await models.turn(REQUEST, RecordingListener())
    assert (turn.content, turn.tokens.input, turn.tokens.output) == ("Hi", 3, 4)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
async def test_events_are_read_as_their_standard_writes_them(
    stub: HttpStub, models: Models, mark: str, end: str
) -> None:
    content_part, more = ({"choices": [{"delta": {"content": word}}]} for word in ("Hello", " there"))
    lines = [
        *(f"data: {json.dumps(event)}{end}{end}" for event in (content_part, more, FINISHED)),
        ": end",
        "data: [DONE]",
    ]
    stub.answer(Answer(body=mark + "".join(lines[:-2]) + end.join(lines[-2:]), headers=SSE))
    listener = RecordingListener()
    assert (await models.turn(REQUEST, listener)).content == "Hello there"
    assert "".join(listener.chunks) == "Hello there"
