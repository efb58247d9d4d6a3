"""Bodies from untrusted callers: what becomes input, and that later readers can parse all of it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.runs.controls import CONTROL_KEYS, STAY_IN_INPUT, Controls
from gateway.runs.requests import read_execute_request
from shared.errors import FlowportError
from shared.workflow.format.sizes import MAX_NESTING
from shared.workflow.format.start import CONTROLS_IN_INPUT, CONTROLS_OUTSIDE_INPUT

INPUTS = [
    (b'{"input":"Hello"}', b'{"input":"Hello"}'),
    (b'{"input":{"q":"x"}}', b'{"input":{"q":"x"}}'),
    (b'{"q":"x","stream":true}', b'{"q":"x"}'),
    (b"{}", b"{}"),
    (b"", b"{}"),
    (b'{"stream":true}', b"{}"),
    (b'{"hello":"world","executionId":"E1"}', b'{"hello":"world","executionId":"E1"}'),
    (b'{"workflowId":5,"z":1,"a":2}', b'{"z":1,"a":2}'),
    (b'{"startBlockId":"s","isClientSession":false}', b'{"startBlockId":"s","isClientSession":false}'),
    (b'{ "b" : 1.50,\n "a" : [1, 2] }', b'{ "b" : 1.50,\n "a" : [1, 2] }'),
    (b'\xef\xbb\xbf{"a":1}', b'{"a":1}'),
    (b'{"b":1.50,"stream":false,"a":"\\u00e9"}', b'{"b":1.50,"a":"\\u00e9"}'),
    (b'{"a":"cut \\ud83d"}', b'{"a":"cut \\ufffd"}'),
    (b'{"a":"cut \\uDE00","stream":false,"b":"\\ud83d\\ude00"}', b'{"a":"cut \\ufffd","b":"\\ud83d\\ude00"}'),
]


@pytest.mark.parametrize(("body", "expected"), INPUTS)
def test_the_input_is_the_body_without_its_controls(body: bytes, expected: bytes) -> None:
    assert read_execute_request({}, body, is_public=False).input == expected


def test_authors_are_warned_of_inputs_named_like_any_control() -> None:
    names = {field.name: field.encode_name for field in msgspec.structs.fields(Controls)}
    assert {names[field] for field in STAY_IN_INPUT} - {"input"} == CONTROLS_IN_INPUT
    assert CONTROL_KEYS - CONTROLS_IN_INPUT - {"input"} == CONTROLS_OUTSIDE_INPUT


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b'{"a":"\xff"}',
        b'{"a":1e999}',
        b'{"a":1E+999}',
        b'{"a":[1e998],"workflowId":1e999}',
        b'{"a":' + b"9" * 400 + b".5}",
        b'{"a":' + b"9" * 290 + b"e99}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":01}',
        b'{"a":"\\ud8"}',
        b'{"a":1}{}',
        b"{'a':1}",
        b'{"a":Infinity}',
        b" ",
        b'{"a":' + b"[" * MAX_NESTING + b"]" * MAX_NESTING + b"}",
    ],
)
def test_input_that_later_readers_cannot_parse_is_refused(body: bytes) -> None:
    with pytest.raises(FlowportError):
        read_execute_request({}, body, is_public=False)


def test_brackets_in_strings_do_not_count_as_depth() -> None:
    text = json.dumps({"a": '[{"' * 500, "b": [1, "]]]", {"c": "\\"}]}).encode()
    assert read_execute_request({}, text, is_public=False).input == text


def test_adjacent_brackets_do_not_count_as_depth() -> None:
    text = json.dumps({"a": [[] for _ in range(1000)]}).encode()
    assert read_execute_request({}, text, is_public=False).input == text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
CONTROL_NAMES = st.sampled_from(
    ["stream", "selectedOutputs", "input", "executionId", "base64MaxBytes", "runFromBlock", "triggerType", "workflowId"]
)
BODIES = st.dictionaries(st.text() | CONTROL_NAMES, VALUES, max_size=6)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["x-execution-id", "x-execution-mode", "x-execution-timeout-seconds", "x-stream-response", "x-workflow-version"]
    ),
    st.text(max_size=20) | st.sampled_from(["async", "true", "60"]),
)


@given(body=st.binary(max_size=200), headers=HEADERS)
def test_any_bytes_are_read_or_refused(body: bytes, headers: dict[str, str]) -> None:
    _read_or_refuse(body, headers)


@given(value=BODIES | VALUES, headers=HEADERS)
def test_any_json_is_read_or_refused(value: Any, headers: dict[str, str]) -> None:
    _read_or_refuse(json.dumps(value).encode("utf-8", "surrogatepass"), headers)


@given(value=BODIES, cut=st.integers(0, 60), piece=st.binary(max_size=6))
def test_damaged_json_is_read_or_refused(value: Any, cut: int, piece: bytes) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    _read_or_refuse(body[:cut] + piece + body[cut:], {})


def _read_or_refuse(body: bytes, headers: dict[str, str]) -> None:
    try:
        request = read_execute_request(headers, body, is_public=False)
    except FlowportError:
        return
    assert isinstance(msgspec.json.decode(request.input), dict)
    json.loads(request.input)
