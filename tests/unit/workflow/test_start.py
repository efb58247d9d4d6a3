"""A run starts at the right block, and the caller's input arrives as declared."""

import json

import pytest
from hypothesis import given
from tests.support.workflow_states import block, json_values, start, workflow

from shared.contracts.runs import Trigger
from shared.workflow.format.input_format import InputField
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.reader import read_state
from shared.workflow.format.start import ReservedInputField, choose_start, input_fields, start_output

FILE: JsonObject = {"id": "f", "name": "a.txt", "url": "/a", "size": 2, "type": "text/plain"}


def output(document: JsonObject, body: Json, **run_metadata: Json) -> JsonObject:
    return start_output(read_state(workflow(document)).blocks["start"], body, run_metadata=run_metadata or None)


def field(name: str, kind: str = "string", value: Json = None) -> JsonObject:
    return {"id": name, "name": name, "type": kind, "value": value}


@pytest.mark.parametrize(
    ("trigger", "chosen"),
    [
        (Trigger.API, "unified"),
        (Trigger.CHAT, "unified"),
        (Trigger.WORKFLOW, "unified"),
        (Trigger.MANUAL, "unified"),
        (Trigger.SCHEDULE, "time"),
        (Trigger.WEBHOOK, None),
    ],
)
def test_each_kind_of_call_has_its_start(trigger: Trigger, chosen: str | None) -> None:
    state = read_state(
        workflow(
            block("old", "starter"),
            block("off", "start_trigger", enabled=False),
            block("loop", "loop"),
            block("inner", "start_trigger", data={"parentId": "loop"}),
            block("api", "api_trigger"),
            block("time", "schedule"),
            block("unified", "start_trigger"),
        )
    )
    found = choose_start(state, trigger)
    assert (found.id if found else None) == chosen


@pytest.mark.parametrize(
    ("blocks", "chosen"),
    [
        (["starter", "input_trigger", "api_trigger"], "api_trigger"),
        (["starter", "input_trigger"], "input_trigger"),
        (["starter", "chat_trigger"], "starter"),
        (["chat_trigger", "schedule", "function"], None),
    ],
)
def test_older_start_blocks_serve_api_calls_in_order(blocks: list[str], chosen: str | None) -> None:
    found = choose_start(read_state(workflow(*(block(kind, kind) for kind in blocks))))
    assert (found.type if found else None) == chosen


@pytest.mark.parametrize(
    ("kind", "sent", "received"),
    [
        ("string", 12, "12"),
        ("string", {"a": 1}, "[object Object]"),
        ("string", "", ""),
        ("number", "4", 4),
        ("number", "", 0),
        ("number", "four", "four"),
        ("boolean", "true", True),
        ("boolean", "1", True),
        ("boolean", 0, False),
        ("boolean", "yes", "yes"),
        ("boolean", [], []),
        ("object", '{"a":1}', {"a": 1}),
        ("object", "{a", "{a"),
        ("array", "[1]", [1]),
        ("array", [2], [2]),
        ("strange", {"a": 1}, {"a": 1}),
        ("file[]", FILE, [FILE]),
        ("file[]", [FILE], [FILE]),
    ],
)
def test_a_value_arrives_as_its_declared_type(kind: str, sent: Json, received: Json) -> None:
    assert output(start(field("v", kind)), {"v": sent}) == {"v": received}


@pytest.mark.parametrize("sent", [[], [FILE, "x"], "no file", {"name": "no address"}])
def test_files_are_all_valid_or_absent(sent: Json) -> None:
    assert output(start(field("v", "file[]")), {"v": sent}) == {}


def test_defaults_replace_missing_or_null_values() -> None:
    fields = (field("x", value="dx"), field("y", value="dy"), field("z", value="dz"), field("w"))
    assert output(start(*fields), {"y": None, "z": ""}) == {"x": "dx", "y": "dy", "z": ""}


def test_fields_may_be_sent_under_input_beside_other_keys() -> None:
    assert output(start(field("q")), {"input": {"q": 1}, "q": 2, "extra": {"deep": 42}}) == {
        "q": "1",
        "input": {"q": 1},
        "extra": {"deep": 42},
    }


def test_an_input_that_is_not_an_object_is_the_input() -> None:
    assert output(start(), "Hello") == {"input": "Hello"}
    assert output(start(), None) == {}


def test_older_starts_give_their_fields_twice() -> None:
    assert output(start(field("q", "number"), kind="api_trigger"), {"q": "5", "x": 1}) == {"q": 5, "input": {"q": 5}}
    assert output(start(kind="api_trigger"), {"x": 1}) == {"x": 1, "input": {"x": 1}}
    assert output(start(kind="input_trigger"), {"input": "Hi"}) == {"input": "Hi"}
    assert output(start(field("q"), kind="starter"), {"q": "a", "conversationId": "c"}) == {
        "q": "a",
        "input": {"q": "a"},
        "conversationId": "c",
    }


OLDER = pytest.mark.parametrize("kind", ["api_trigger", "input_trigger", "manual_trigger", "starter"])


@OLDER
def test_older_starts_pass_declared_files_twice_and_undeclared_ones_once(kind: str) -> None:
    fields = (field("papers", "file[]"), field("q"))
    sent: JsonObject = {"papers": FILE, "q": "a", "files": [FILE], "undeclared": [FILE]}
    given = {"papers": [FILE], "q": "a"}
    assert output(start(*fields, kind=kind), sent) == {**given, "input": given, "files": [FILE]}


@OLDER
def test_older_starts_take_files_under_input_and_as_json_text(kind: str) -> None:
    text = json.dumps([FILE, FILE])
    given = {"papers": [FILE, FILE]}
    body: JsonObject = {"input": {"papers": text}}
    assert output(start(field("papers", "file[]"), kind=kind), body) == {**given, "input": given}


@OLDER
@pytest.mark.parametrize("sent", [[], [FILE, "x"], "no file", {"name": "no address"}, None])
def test_older_starts_omit_invalid_files_in_both_places(kind: str, sent: Json) -> None:
    assert output(start(field("papers", "file[]"), kind=kind), {"papers": sent}) == {"input": {}}


@OLDER
def test_older_starts_without_fields_give_files_as_they_came(kind: str) -> None:
    body: JsonObject = {"files": [FILE], "q": 1}
    assert output(start(kind=kind), body) == {**body, "input": body}


def test_chat_gives_text_and_conversation() -> None:
    assert output(block("start", "chat_trigger"), {"input": "Hi", "conversationId": "c", "files": [], "x": 1}) == {
        "input": "Hi",
        "conversationId": "c",
        "files": [],
    }


def test_other_triggers_give_their_payload() -> None:
    assert output(block("start", "generic_webhook"), {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("name", ["error", "selectedOption", "selectedRoute", "_pauseMetadata"])
def test_reserved_names_are_refused_as_field_and_as_key(name: str) -> None:
    sent: JsonObject = {name: 1}
    for document, body in ((start(), sent), (start(field(name)), {})):
        with pytest.raises(ReservedInputField) as refused:
            output(document, body)
        assert refused.value.message == (
            f'Start block "Start" cannot use reserved runtime input field name(s): {name}. These names control '
            "workflow execution and cannot be used as Start outputs. Rename these fields before running the workflow. "
            "Reserved names are: error, selectedOption, selectedRoute, _pauseMetadata."
        )


def test_run_metadata_comes_from_the_server_alone() -> None:
    assert output(start(runMetadata=True), {"metadata": "forged"}, runId="r") == {"metadata": {"runId": "r"}}
    assert output(start(), {"metadata": "mine"}, runId="r") == {"metadata": "mine"}
    with pytest.raises(ReservedInputField):
        output(start(field("metadata"), runMetadata=True), {})


def test_the_input_format_of_an_api_call_is_known() -> None:
    described: JsonObject = {"name": " q ", "type": "number", "description": "how many", "value": "3"}
    state = read_state(workflow(start(described, {"name": ""}, {"type": "x"}, {"name": "q"})))
    assert input_fields(state) == (InputField(name="q", type="number", description="how many", value="3"),)
    assert input_fields(read_state(workflow(block("f")))) == ()


def test_an_input_format_may_be_json_text() -> None:
    document = block("start", "start_trigger", inputFormat='[{"name": "n", "type": "number"}]')
    assert output(document, {"n": "1"}) == {"n": 1}


@given(json_values(), json_values())
def test_any_input_is_taken_or_refused_by_name(input_format: Json, body: Json) -> None:
    try:
        output(block("start", "start_trigger", inputFormat=input_format), body)
    except ReservedInputField:
        assert isinstance(body, dict) or isinstance(input_format, list)


@pytest.mark.parametrize("kind", ["object", "array"])
def test_text_that_no_message_could_carry_as_json_is_mended_or_stays_text(kind: str) -> None:
    declared = start(field("x", kind))
    assert output(declared, {"x": r'["\ud800"]'})["x"] == ["\ufffd"]
    deep = "[" * 900 + "]" * 900
    assert output(declared, {"x": deep})["x"] == deep
