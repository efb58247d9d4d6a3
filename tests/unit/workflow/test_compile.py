"""A snapshot is compiled once: runs parse nothing."""

from typing import Any, Final

import pytest
from tests.support.workflow_states import block, chain, edge, start, workflow

from shared.contracts.runs import Trigger
from shared.errors import InvalidWorkflow
from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec
from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.compile.templates import ListTemplate, Literal, ObjectTemplate, compile_value
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.references import TextTemplate


def compiled(kind: str, **settings: Json) -> CompiledBlock:
    return compile_workflow(chain(start(), block("b", kind, settings=settings))).blocks["b"]


def test_literal_values_are_unchanged() -> None:
    value: Json = {"a": [1, "x", None]}
    template = compile_value(value)
    assert isinstance(template, Literal)
    assert template.value is value


def test_references_are_found_at_any_depth() -> None:
    template = compile_value({"a": ["<start.x>"], "b": 1})
    assert isinstance(template, ObjectTemplate)
    (_, inner), (_, literal) = template.entries
    assert isinstance(inner, ListTemplate)
    assert isinstance(inner.items[0], TextTemplate)
    assert literal == Literal(1)


def test_code_is_code_and_no_text() -> None:
    function = compiled("function", code="return <start.x>", language="python")
    assert function.code is not None
    assert function.code.language is Language.PYTHON
    assert "code" not in function.params


def test_options_are_read_from_text_or_lists_with_their_problems() -> None:
    entries: list[Json] = [{"id": "i", "title": "if", "value": "<start.x> > 1"}]
    for stored in (entries, '[{"id":"i","title":"if","value":"<start.x> > 1"}]'):
        (option,) = compiled("condition", conditions=stored).options
        assert (option.id, option.title, option.code.source) == ("i", "if", "<start.x> > 1")
    problem = "Invalid conditions format: Unexpected end of JSON input"
    assert compiled("condition", conditions="[").options_problem == problem


def test_lists_stored_as_text_are_read_before_values_go_in() -> None:
    agent = compiled("agent", model="echo", messages='[{"role":"user","content":"say <start.x>"}]')
    assert isinstance(agent.params["messages"], ListTemplate)


@pytest.mark.parametrize(
    ("kind", "setting", "text"),
    [
        ("api", "headers", '{"Authorization": "<start.x>"}'),
        ("api", "params", '[{"cells": {"Key": "q", "Value": "<start.x>"}}]'),
        ("response", "headers", '{"X-A": "<start.x>"}'),
        ("human_in_the_loop", "inputFormat", '[{"name": "ok", "value": "<start.x>"}]'),
    ],
)
def test_tables_and_forms_are_read_from_text_or_lists_with_their_problems(kind: str, setting: str, text: str) -> None:
    assert isinstance(compiled(kind, **{setting: text}).params[setting], ObjectTemplate | ListTemplate)


def test_the_code_of_a_tool_is_separate_from_its_settings() -> None:
    tools: list[Json] = [{"type": "custom-tool", "title": "t", "code": "return {{KEY}}"}]
    agent = compiled("agent", model="echo", tools=tools)
    assert agent.tool_code[0].source == "return {{KEY}}"
    assert agent.literal("tools") == [{"type": "custom-tool", "title": "t"}]


def test_the_code_of_a_function_tool_is_separate_from_its_settings() -> None:
    given: JsonObject = {"code": "return len({{KEY}})", "language": "python"}
    tools: list[Json] = [{"type": "function", "params": given}, {"type": "function", "params": {"code": ""}}]
    agent = compiled("agent", model="echo", tools=tools)
    assert {index: code.language for index, code in agent.tool_code.items()} == {0: Language.PYTHON}
    assert agent.literal("tools") == [
        {"type": "function", "params": {"language": "python"}},
        {"type": "function", "params": {}},
    ]


def test_each_kind_of_call_has_its_start() -> None:
    found = compile_workflow(workflow(block("c", "chat_trigger"), block("a", "api_trigger")))
    assert (found.starts[Trigger.API], found.starts[Trigger.CHAT]) == ("a", "c")
    assert Trigger.SCHEDULE not in found.starts
    assert found.graph("a") is found.graph("a")


@pytest.mark.parametrize(
    ("settings", "kind", "needed"),
    [
        ({"url": "https://x/{{KEY}}"}, "api", {"KEY"}),
        ({"code": 'return "{{KEY}}" + {{OTHER}}'}, "function", {"KEY", "OTHER"}),
        ({"conditions": [{"id": "i", "title": "if", "value": "{{KEY}} > 1"}]}, "condition", {"KEY"}),
        ({"url": "https://x/"}, "api", set()),
        ({"url": "https://x/{{KEY}}", "body": "{{#if it, or not}}{{" + 129 * "A" + "}}"}, "api", {"KEY"}),
        ({"body": "{{ handlebars }}"}, "api", set()),
    ],
)
def test_the_environment_that_is_needed_is_known(settings: dict[str, Any], kind: str, needed: set[str]) -> None:
    found = compile_workflow(chain(start(), block("b", kind, settings=settings)))
    assert found.environment_names == needed
    assert found.needs_environment is bool(needed)


def test_variables_and_defaults_of_inputs_may_name_environment_values() -> None:
    document = chain(start({"name": "city", "type": "string", "value": "{{CITY}}"}))
    document["variables"] = {"v": {"id": "v", "name": "v", "type": "object", "value": {"a": ["{{HOST}}"]}}}
    assert compile_workflow(document).environment_names == {"CITY", "HOST"}


READS_ENVIRONMENT: Final = "return environmentVariables.X"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("function", {"code": READS_ENVIRONMENT}),
        ("agent", {"tools": [{"type": "custom-tool", "title": "t", "code": READS_ENVIRONMENT}]}),
        ("workflow_input", {"workflowId": "w2"}),
        ("agent", {"tools": [{"type": "workflow", "title": "t", "params": {"workflowId": "w2"}}]}),
    ],
)
def test_code_that_may_read_the_whole_environment_needs_it(kind: str, settings: JsonObject) -> None:
    assert compile_workflow(chain(start(), block("f", kind, settings=settings))).needs_environment


@pytest.mark.parametrize("name", ["code", "conditions", "routes"])
def test_a_plugins_setting_may_be_called_like_one_that_is_read_apart(name: str) -> None:
    plugin = BlockSpec(type="query", title="Query", sub_blocks=(SubBlockSpec(id=name, title="Query"),))
    document = chain(start(), block("q", "query", settings={name: "select <start.input>"}))
    found = compile_workflow(document, catalog=Catalog([*CORE_BLOCKS, plugin])).blocks["q"]
    assert isinstance(found.params[name], TextTemplate)


def test_loops_have_their_collection_and_condition_parsed() -> None:
    loop = block("l", "loop", data={"loopType": "while", "whileCondition": "<loop.index> < 3"})
    each = block("e", "loop", data={"loopType": "forEach", "collection": "<start.items>"})
    found = compile_workflow(workflow(start(), loop, each))
    condition = found.loops["l"].condition
    assert condition is not None
    assert condition.source == "<loop.index> < 3"
    assert isinstance(found.loops["e"].items, TextTemplate)
    assert found.loops["e"].condition is None


def test_the_reason_against_a_run_is_reported() -> None:
    found = compile_workflow(
        workflow(
            start(),
            block("x", "no_such_type"),
            block("off", "no_such_type", enabled=False),
            block("l", "loop", enabled=False),
            block("in", "no_such_type", data={"parentId": "l"}),
            block("c", "agent", "Agent 3", data={"parentId": "l"}),
            block("a", "agent", "Agent 1", settings={"model": "gpt-5"}),
            block("b", "agent", "Agent 2"),
            edges=(edge("start", "a"),),
        )
    )
    assert list(found.problems(frozenset())) == [
        "Invalid block type: no_such_type; to call a service that has no block type, use an API block",
        "Agent 1 is missing required fields: API Key",
        "Agent 2 is missing required fields: Model",
    ]
    assert list(found.problems(frozenset({"openai"}))) == [
        "Invalid block type: no_such_type; to call a service that has no block type, use an API block",
        "Agent 2 is missing required fields: Model",
    ]


def test_an_invalid_workflow_cannot_be_compiled() -> None:
    with pytest.raises(InvalidWorkflow):
        compile_workflow({"blocks": []})
