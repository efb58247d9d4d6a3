"""Old spellings are migrated, and the given document stays unchanged."""

import copy

import pytest
from hypothesis import given
from tests.support.workflow_states import block, documents, edge, workflow

from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.migrations import migrate
from shared.workflow.format.reader import read_state
from shared.workflow.format.structure import structure_problems


def agent_value(key: str, **values: Json) -> Json:
    return read_state(workflow(block("a", "agent", settings=values))).blocks["a"].value(key)


@pytest.mark.parametrize("side", ["top", "right", "bottom", "left"])
def test_handles_on_any_side_are_the_source_handle(side: str) -> None:
    state = read_state(workflow(block("a"), block("b"), edges=(edge("a", "b", f"source-{side}"),)))
    assert state.edges[0].source_handle == "source"


@pytest.mark.parametrize("handle", [None, ""])
def test_no_handle_stays_no_handle(handle: str | None) -> None:
    state = read_state(workflow(block("a"), block("b"), edges=(edge("a", "b", handle),)))
    assert state.edges[0].source_handle is None


def test_variables_may_be_a_list() -> None:
    variables: Json = [{"id": "v", "name": "count", "type": "number", "value": 1}, {"name": "loose"}]
    state = read_state(workflow(variables=variables))
    assert {key: each.name for key, each in state.variables.items()} == {"v": "count", "variable-1": "loose"}


@pytest.mark.parametrize(
    ("user_prompt", "content"),
    [("Hi", "Hi"), ({"input": "Ho"}, "Ho"), ({"input": {"a": 1}}, '{"a":1}'), ({"q": [1]}, '{"q":[1]}')],
)
def test_prompts_become_messages(user_prompt: Json, content: str) -> None:
    assert agent_value("messages", systemPrompt="Be kind", userPrompt=user_prompt) == [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": content},
    ]
    assert agent_value("userPrompt", systemPrompt="Be kind", userPrompt=user_prompt) is None


def test_messages_win_over_prompts() -> None:
    messages: Json = [{"role": "user", "content": "new"}]
    assert agent_value("messages", messages=messages, systemPrompt="old") == messages


def test_messages_stored_as_json_text_are_parsed() -> None:
    assert agent_value("messages", messages='[{"role": "user", "content": "<start.q>"}]') == [
        {"role": "user", "content": "<start.q>"}
    ]


@pytest.mark.parametrize("text", ["", "not json", "{}"])
def test_messages_that_are_not_a_list_leave_the_prompts_in_force(text: str) -> None:
    assert agent_value("messages", messages=text, systemPrompt="Be kind") == [{"role": "system", "content": "Be kind"}]


def test_malformed_tools_are_dropped() -> None:
    good: JsonObject = {"type": "function", "title": "f"}
    assert agent_value("tools", tools=[good, None, "x", {"title": "no type"}]) == [good]
    assert agent_value("tools", tools="nonsense") == []
    assert agent_value("tools", tools=None) is None


@given(documents())
def test_a_migrated_document_needs_no_further_migration_and_the_given_one_is_unchanged(document: Json) -> None:
    if structure_problems(document) or not isinstance(document, dict):
        return
    before = copy.deepcopy(document)
    migrated = migrate(document)
    assert document == before
    assert migrate(migrated) == migrated
