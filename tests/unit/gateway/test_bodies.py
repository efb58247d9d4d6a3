"""Bodies of all other routes: every body is parsed or refused with a message."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from tests.support.gateway.system import System

from gateway.api.models import DeployBody, ImportBody, RollbackBody
from gateway.members.routes import RoleBody
from gateway.openai.models import CompletionBody
from gateway.sim.authoring_models import AccessBody, CreateBody, UpdateBody, VersionBody
from gateway.v2.execute import read_v2_request
from gateway.v2.models import ExecuteBody
from gateway.web.bodies import MAX_BODY_VALUES, json_value, validated
from gateway.workspaces.environment import ValuesBody
from shared.errors import FlowportError, InvalidRequest

MODELS: list[type[BaseModel]] = [
    AccessBody,
    CreateBody,
    UpdateBody,
    VersionBody,
    DeployBody,
    ImportBody,
    RollbackBody,
    ExecuteBody,
]
NAMES = sorted({field.alias or name for model in MODELS for name, field in model.model_fields.items()})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.dictionaries(st.sampled_from(NAMES) | st.text(), VALUES, max_size=6) | VALUES


@pytest.mark.parametrize("model", MODELS)
@given(value=BODIES)
def test_any_value_is_read_or_refused_with_details(model: type[BaseModel], value: Any) -> None:
    try:
        validated(model, value)
    except InvalidRequest as error:
        assert error.message
        assert all(detail["message"] and isinstance(detail["path"], list) for detail in error.details)


@given(value=BODIES, headers=st.dictionaries(st.sampled_from(["x-run-id", "x-workflow-version"]), st.text()))
def test_any_v2_body_is_read_or_refused(value: Any, headers: dict[str, str]) -> None:
    body = json.dumps(value).encode("utf-8", "surrogatepass")
    try:
        request = read_v2_request(headers, body, is_public=False)
    except FlowportError:
        return
    assert isinstance(json.loads(request.input), dict)


@pytest.mark.parametrize(
    ("model", "value", "message"),
    [
        (RollbackBody, {"version": 1.5}, "Invalid input: expected int, received number"),
        (RollbackBody, {"version": "1"}, "Invalid input: expected number, received string"),
        (VersionBody, {"isActive": False}, "Invalid input: expected true"),
        (RoleBody, {"role": "boss"}, 'Invalid option: expected one of "read"|"write"|"admin"'),
        (CreateBody, {"name": ""}, "Name is required"),
        (CreateBody, {}, "Name is required"),
    ],
)
def test_errors_have_the_texts_that_clients_know(model: type[BaseModel], value: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated(model, value)
    assert refused.value.details[0]["message"] == message


@given(body=st.binary(max_size=100))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        json_value(body)
    except FlowportError as error:
        assert error.message == "Request body must be valid JSON"


CUT = b"cut \\ud83d"


def test_half_a_character_is_read_as_javascript_reads_it() -> None:
    assert json_value(b'{"name":"' + CUT + b'"}') == {"name": "cut \ufffd"}
    assert read_v2_request({}, b'{"input":{"a":"' + CUT + b'"}}', is_public=False).input == b'{"a":"cut \\ufffd"}'
    with pytest.raises(InvalidRequest) as refused:
        json_value(b'{"name":"' + CUT + b"}")
    assert refused.value.message == "Request body must be valid JSON"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/workflows", b'{"name":"' + CUT + b'"}'),
        ("PUT", "/api/workflows/W/state", b'{"blocks":{},"edges":[],"x":"' + CUT + b'"}'),
        ("POST", "/api/v1/workflows/W/deploy", b'{"description":"' + CUT + b'"}'),
        ("POST", "/api/v2/workflows/W/deploy", b'{"description":"' + CUT + b'"}'),
        (
            "POST",
            "/api/v1/workflows/import",
            b'{"workspaceId":"WS1","workflow":{"blocks":{},"edges":[],"x":"' + CUT + b'"}}',
        ),
        ("POST", "/api/workflows/W/execute", b'{"stream":false,"a":"' + CUT + b'"}'),
        ("POST", "/api/v2/workflows/W/execute", b'{"input":{"a":"' + CUT + b'"}}'),
    ],
)
async def test_every_api_generation_accepts_a_lone_surrogate(
    system: System, method: str, path: str, body: bytes
) -> None:
    answer = await system.send(method, path, raw=body)
    assert answer.status < 300, answer.body


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (ExecuteBody, {f"k{number}": 1 for number in range(MAX_BODY_VALUES - 10)}),
        (ExecuteBody, {f"k{number}": 1 for number in range(3 * MAX_BODY_VALUES)}),
        (CompletionBody, {"model": "W", "messages": [{"role": "user", "content": [{}] * (3 * MAX_BODY_VALUES)}]}),
        (ValuesBody, {"variables": {f"k{number}": 1 for number in range(3 * MAX_BODY_VALUES)}}),
    ],
    ids=["strays", "too many strays", "parts of a message", "values"],
)
def test_no_invalid_body_blocks_the_process(model: type[BaseModel], value: Any) -> None:
    began = time.process_time()
    with pytest.raises(InvalidRequest) as refused:
        validated(model, value)
    assert time.process_time() - began < 2
    assert len(json.dumps(refused.value.details)) < 20_000


@pytest.mark.parametrize(
    ("model", "value", "path"),
    [
        (ExecuteBody, {f"k{number}": 1 for number in range(MAX_BODY_VALUES + 1)}, []),
        (
            CompletionBody,
            {"model": "W", "messages": [{"role": "user", "content": [{}] * MAX_BODY_VALUES}]},
            ["messages"],
        ),
        (ValuesBody, {"variables": {f"k{number}": 1 for number in range(MAX_BODY_VALUES)}}, ["variables"]),
    ],
)
def test_an_oversized_field_is_named(model: type[BaseModel], value: Any, path: list[str]) -> None:
    message = f"Too big: expected at most {MAX_BODY_VALUES} values"
    with pytest.raises(InvalidRequest) as refused:
        validated(model, value)
    assert refused.value.details == [{"code": "too_big", "path": path, "message": message}]


def test_free_form_fields_may_be_large() -> None:
    state: dict[str, Any] = {"blocks": {f"b{number}": {} for number in range(2 * MAX_BODY_VALUES)}}
    assert validated(ImportBody, {"workspaceId": "W", "workflow": state}).workflow == state
