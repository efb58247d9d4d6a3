"""Every accepted form of a workflow file has the same result, and a bad one is refused with all its problems."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from tests.support.workflow_states import block, chain, documents, json_values, start, workflow

from shared.errors import InvalidWorkflow
from shared.workflow.catalog import Catalog, installed_catalog
from shared.workflow.diff.version_diff import changes
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.transfer.exporter import ExportedWorkflow, export_workflow, without_secrets
from shared.workflow.transfer.importer import read_import

STATE = chain(start({"name": "q", "type": "string"}), block("f", code="return <start.q>"))
AT = datetime(2026, 11, 24, 12, 30, 1, 250_000, tzinfo=UTC)


def envelope(state: JsonObject, **workflow_fields: Json) -> JsonObject:
    return {"version": "1.0", "exportedAt": "2026-11-24T00:00:00.000Z", "workflow": workflow_fields, "state": state}


def exported(state: JsonObject) -> JsonObject:
    described = ExportedWorkflow(id="w", name="Ask", description="Asks", workspace_id="ws")
    return export_workflow(described, state, exported_at=AT, catalog=Catalog())


def imported_setting(value: Json, key: str = "code", kind: str = "function") -> Json:
    """Return a setting after an export and an import."""
    return sub_blocks(read_import(exported(workflow(block("a", kind, settings={key: value})))).state, "a")[key]["value"]


def sub_blocks(state: JsonObject, block_id: str) -> dict[str, dict[str, Json]]:
    blocks: dict[str, dict[str, dict[str, dict[str, Json]]]] = json.loads(json.dumps(state["blocks"]))
    return blocks[block_id]["subBlocks"]


@pytest.mark.parametrize(
    "document",
    [
        STATE,
        {"state": STATE},
        {"data": STATE},
        {"data": {"state": STATE}},
        envelope(STATE),
        {"data": envelope(STATE), "limits": {}},
    ],
)
def test_every_accepted_form_holds_the_same_state(document: JsonObject) -> None:
    assert read_import(document).state == STATE
    assert read_import(json.dumps(document)).state == STATE


def test_block_ids_and_their_order_are_kept() -> None:
    state = read_import(json.dumps(workflow(block("b"), block("a")))).state
    assert isinstance(state["blocks"], dict)
    assert list(state["blocks"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({**STATE, "metadata": {"name": "Inner"}}, "Inner"),
        (envelope({**STATE, "metadata": {"name": "Inner"}}, name="Outer"), "Inner"),
        (envelope({**STATE, "metadata": {"name": " "}}, name="Outer"), "Outer"),
        ({"name": "Envelope", "state": STATE}, "Envelope"),
        (STATE, None),
    ],
)
def test_the_name_is_searched_from_the_inside_out(document: JsonObject, name: str | None) -> None:
    assert read_import(document).name == name


def test_a_file_is_cleaned() -> None:
    found = read_import(
        {
            "blocks": {
                "a": {
                    "id": "a",
                    "type": "agent",
                    "subBlocks": {"undefined": {"value": 1}, "x": None, "model": {"value": ""}},
                },
                "b": {"id": "b", "type": "function", "name": "B", "position": {"x": 1, "y": 2}},
            },
            "edges": [],
            "lastSaved": 5,
            "variables": [{"id": "v", "name": "n"}],
        }
    )
    assert list(found.state) == ["blocks", "edges", "loops", "parallels", "variables"]
    assert found.state["variables"] == {"v": {"id": "v", "name": "n"}}
    assert found.state["blocks"] == {
        "a": {
            "id": "a",
            "type": "agent",
            "name": "agent",
            "position": {"x": 0, "y": 0},
            "subBlocks": {"model": {"id": "model", "type": "short-input", "value": None}},
        },
        "b": {"id": "b", "type": "function", "name": "B", "position": {"x": 1, "y": 2}, "subBlocks": {}},
    }


@pytest.mark.parametrize(
    "document", [{}, {"data": 5}, {"state": []}, {"version": "1.0"}, {"data": {"data": {"data": {}}}}]
)
def test_a_file_without_blocks_is_refused(document: JsonObject) -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        read_import(document)
    assert refused.value.message == "Invalid workflow: Missing or invalid field: blocks"


@pytest.mark.parametrize("document", ["", "{", "[" * 100_000, "nonsense"])
def test_text_that_is_not_json_is_refused(document: str) -> None:
    with pytest.raises(InvalidWorkflow, match="Invalid JSON: "):
        read_import(document)


@pytest.mark.parametrize("document", [None, 5, [], "5", "[]", '"text"'])
def test_a_file_that_is_not_an_object_is_refused(document: Json) -> None:
    with pytest.raises(InvalidWorkflow, match="Workflow must be an object"):
        read_import(document)


def test_a_block_id_that_occurs_twice_is_refused() -> None:
    one = json.dumps(block("a"))
    with pytest.raises(InvalidWorkflow) as refused:
        read_import(f'{{"blocks": {{"a": {one}, "a": {one}}}, "edges": []}}')
    assert refused.value.details == ["Duplicate key: a"]


def test_every_problem_of_a_file_is_listed() -> None:
    with pytest.raises(InvalidWorkflow) as refused:
        read_import({"blocks": {"a": {"id": "a"}}, "edges": [{"id": "e", "target": "a"}]})
    assert refused.value.details == [
        "Block a missing required field: type",
        "Edge at index 0 missing required field: source",
    ]


@given(json_values() | documents())
def test_any_json_is_imported_or_refused_with_its_problems(document: Json) -> None:
    for form in (document, json.dumps(document)):
        try:
            found = read_import(form)
        except InvalidWorkflow as refused:
            assert refused.details
        else:
            assert read_import(found.state).state == found.state


def test_an_export_has_the_form_that_an_import_reads() -> None:
    document = exported(STATE)
    assert document["version"] == "1.0"
    assert document["exportedAt"] == "2026-11-24T12:30:01.250Z"
    assert document["workflow"] == {
        "id": "w",
        "name": "Ask",
        "description": "Asks",
        "workspaceId": "ws",
        "folderId": None,
    }
    found = read_import(json.dumps(document))
    assert (found.name, found.description, found.state) == ("Ask", "Asks", STATE)


@given(documents())
def test_exporting_and_importing_changes_nothing_that_runs(document: Json) -> None:
    try:
        state = read_import(document).state
    except InvalidWorkflow:
        return
    kept = without_secrets(state, installed_catalog())  # any key can be a word such as "password"
    assert changes(kept, read_import(json.dumps(exported(state))).state) == []


@pytest.mark.parametrize(
    ("key", "kind", "secret", "kept"),
    [
        ("apiKey", "agent", "sk-123", None),
        ("apiKey", "agent", "{{KEY}}", "{{KEY}}"),
        ("apiKey", "agent", "Bearer {{KEY}}", None),
        ("apiKey", "agent", "<variable.key>", "<variable.key>"),
        ("maxTokens", "agent", "500", "500"),
        ("bedrockSecretKey", "agent", "s", None),
        ("secret", "webhook_request", "s", None),
        ("botToken", "slack", "xoxb", None),
        ("credential", "gmail_v2", "cred_1", None),
        ("subject", "gmail_v2", "Hello", "Hello"),
    ],
)
def test_passwords_leave_only_as_names_of_environment_values(key: str, kind: str, secret: str, kept: Json) -> None:
    assert imported_setting(secret, key, kind) == kept


def test_secrets_inside_tools_and_tables_are_left_out() -> None:
    tools: Json = [{"type": "exa", "params": {"apiKey": "k", "query": "q", "token": "{{T}}"}}]
    assert imported_setting(tools, "tools", "agent") == [
        {"type": "exa", "params": {"apiKey": None, "query": "q", "token": "{{T}}"}}
    ]
    headers: Json = [
        {"id": "1", "cells": {"Key": "Authorization", "Value": "Bearer abc"}},
        {"id": "2", "cells": {"Key": "X-API-Key", "Value": "{{KEY}}"}},
        {"id": "3", "cells": {"Key": "Authorization", "Value": "Bearer {{KEY}}"}},
        {"id": "4", "cells": {"Key": "Accept", "Value": "text/plain"}},
    ]
    kept = imported_setting(headers, "headers", "api")
    assert isinstance(kept, list)
    assert [row["cells"]["Value"] for row in json.loads(json.dumps(kept))] == [
        None,
        "{{KEY}}",
        "Bearer {{KEY}}",
        "text/plain",
    ]


def test_secrets_in_tables_stored_as_json_text_are_omitted() -> None:
    rows = '[{"id":"1","cells":{"Key":"Authorization","Value":"Bearer abc"}}]'
    assert imported_setting(rows, "headers", "api") == rows.replace('"Bearer abc"', "null")
    tools: Json = [{"type": "api", "params": {"headers": '{"Authorization":"abc","Accept":"text/plain"}'}}]
    assert imported_setting(tools, "tools", "agent") == [
        {"type": "api", "params": {"headers": '{"Authorization":null,"Accept":"text/plain"}'}}
    ]
    for untouched in ('{ "Accept":  "text/plain" }', "[not json", "{{TOKEN}}"):
        assert imported_setting(untouched, "headers", "api") == untouched
