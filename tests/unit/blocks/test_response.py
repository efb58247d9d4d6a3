"""A response block never fails to produce an answer."""

import json
from typing import Any

import pytest
from tests.support.blocks.runs import engine_of, run, run_block
from tests.support.workflow_states import block, chain, start

from executor_service.blocks.response import ResponseHandler
from shared.workflow.format.js_values import Json, JsonObject

FIELDS: list[JsonObject] = [
    {"name": "input", "type": "string"},
    {"name": "count", "type": "number"},
    {"name": "object", "type": "object"},
]


async def answer(body: Any = None, **settings: Any) -> JsonObject:
    result = await run_block("response", ResponseHandler(), body, **settings)
    assert result.outcome.is_response
    return result.output


def field(name: str, kind: str, value: Json) -> JsonObject:
    return {"id": name, "name": name, "type": kind, "value": value}


async def data(*fields: JsonObject, body: Any = None) -> Json:
    return (await answer(body, dataMode="structured", builderData=list(fields)))["data"]


async def test_json_text_is_decoded_as_the_body() -> None:
    assert await answer({"input": "x"}, dataMode="json", data='{"a": "<start.input>"}') == {
        "data": {"a": "x"},
        "status": 200,
        "headers": {"Content-Type": "application/json"},
    }


async def test_text_that_is_not_json_is_the_body_itself() -> None:
    assert (await answer({"input": 'a "b"'}, dataMode="json", data='{"a": "<start.input>"}'))[
        "data"
    ] == '{"a": "a "b""}'


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('{"a": "<start.input>"}', {"a": 'say "hi"\n\\ to <all>'}),
        ('{"a": "\\"<start.input>\\" was said"}', {"a": '"say "hi"\n\\ to <all>" was said'}),
        ('{"a": <start.input>, "n": <start.count>}', {"a": 'say "hi"\n\\ to <all>', "n": 3}),
        ('{"o": <start.object>, "text": "<start.object>"}', {"o": {"k": ['"']}, "text": '{"k":["\\""]}'}),
        ("<start.object>", {"k": ['"']}),
        ('{"none": <start.object.none>, "empty": "<start.object.none>"}', {"none": None, "empty": ""}),
        ('{"tag": "<em>", "in": "{{NONE}}", "bare": {{NONE}}}', {"tag": "<em>", "in": "{{NONE}}", "bare": "{{NONE}}"}),
        ('{"limit": {{LIMIT}}, "key": {{KEY}}, "in": "{{KEY}}"}', {"limit": 5, "key": 'k"', "in": 'k"'}),
        ('{"broken": <start.input>', '{"broken": "say \\"hi\\"\\n\\\\ to <all>"'),
    ],
)
async def test_values_are_encoded_as_json_if_configured(template: str, body: Json) -> None:
    given: JsonObject = {"input": 'say "hi"\n\\ to <all>', "count": 3, "object": {"k": ['"']}}
    settings: JsonObject = {"dataMode": "json", "data": template, "escapeValues": True}
    answered = await run(
        chain(start(*FIELDS), block("b", "response", "B", settings=settings)),
        engine_of({"response": ResponseHandler()}),
        given,
        environment={"LIMIT": "5", "KEY": 'k"'},
    )
    assert answered.output["data"] == body


@pytest.mark.parametrize(
    ("given", "status"),
    [("201", 201), (418, 418), ("<start.input>", 503), ("999", 200), ("abc", 200), ("", 200), ("200.5", 200)],
)
async def test_a_status_is_a_whole_number_from_100_to_599(given: Json, status: int) -> None:
    assert (await answer({"input": 503}, dataMode="json", data="1", status=given))["status"] == status


async def test_headers_are_added_to_the_content_type() -> None:
    rows = [{"cells": {"Key": "X-A", "Value": "<start.input>"}}, {"cells": {"Key": "", "Value": "y"}}]
    rows += [{"cells": {"Key": "X-B", "Value": ""}}]
    assert (await answer({"input": "v"}, headers=rows))["headers"] == {"Content-Type": "application/json", "X-A": "v"}


async def test_fields_are_converted_to_their_types() -> None:
    assert await data(
        field("n", "number", "4"),
        field("bad", "number", "abc"),
        field("yes", "boolean", "TRUE"),
        field("o", "object", [field("inner", "string", "x")]),
        field("l", "array", [{"type": "number", "value": "1"}, "two"]),
    ) == {"n": 4, "bad": "abc", "yes": True, "o": {"inner": "x"}, "l": [1, "two"]}


async def test_a_non_true_value_is_false_and_a_non_number_is_zero() -> None:
    assert await data(
        field("no", "boolean", "no"),
        field("none", "boolean", ""),
        field("one", "boolean", 1),
        field("as typed", "boolean", "<nobody.said>"),
        field("zero", "number", ""),
        field(" ", "string", "without a name"),
    ) == {"no": False, "none": False, "one": False, "as typed": "<nobody.said>", "zero": 0}


async def test_json_text_in_fields_is_decoded() -> None:
    fields = (
        field("a", "string", "123"),
        field("b", "string", '{"x": ["1", "\\"two\\"", "[true]"]}'),
        field("c", "array", '["false", "{}"]'),
    )
    assert await data(*fields) == {"a": 123, "b": {"x": [1, "two", [True]]}, "c": [False, {}]}


async def test_quotes_and_newlines_survive_in_fields() -> None:
    assert await data(field("a", "string", "<start.input>"), body={"input": 'say "hi"\nnow'}) == {"a": 'say "hi"\nnow'}


async def test_an_empty_response_is_an_empty_object() -> None:
    assert (await answer({"input": ""}, dataMode="json", data="<start.input>"))["data"] == {}
    assert (await answer())["data"] == {}
    assert (await answer(dataMode="json"))["data"] == {}


async def test_texts_that_are_json_within_each_other_nest_no_deeper_than_one_may() -> None:
    inner = "[" * 150 + "0" + "]" * 150
    text = "[" * 100 + json.dumps(inner) + "]" * 100
    found: Any = await data(field("a", "string", text))
    assert json.dumps(found["a"]) == text


async def test_half_a_surrogate_pair_in_a_text_does_not_break_the_answer() -> None:
    assert await data(field("a", "string", '"\\ud800"')) == {"a": "\ufffd"}
    assert (await answer({"input": "x"}, dataMode="json", data='["\\ud800"]'))["data"] == ["\ufffd"]
