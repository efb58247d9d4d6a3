"""Workflow files: what people write is the workflow they mean, and a workflow survives being written as a file."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from tests.support.workflow_states import block, chain, documents, edge, start, workflow

from shared.errors import InvalidWorkflow
from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.diff.version_diff import changes, needs_redeployment
from shared.workflow.files.formatter import format_file
from shared.workflow.files.reader import read_file
from shared.workflow.files.schema import file_schema
from shared.workflow.files.workflow_file import WorkflowFile
from shared.workflow.files.writer import write_file
from shared.workflow.files.yaml_text import read_yaml
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.model_names import PROVIDERS
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.reader import read_state
from shared.workflow.transfer.exporter import ExportedWorkflow, export_workflow
from shared.workflow.transfer.importer import read_import
from shared.workflow.validate.validator import problems

ROOT = Path(__file__).parents[3]
CATALOG = Catalog()
SCHEMA = jsonschema.Draft7Validator(file_schema(CATALOG))
EXAMPLES = {file.name: read_import(file.read_text()).state for file in sorted((ROOT / "examples").glob("*.json"))}
CASES: dict[str, JsonObject] = {
    case["id"]: case["workflow"] for case in json.loads((ROOT / "tests/conformance/data/engine-cases.json").read_text())
}
TEMPLATES = {file.name: file.read_text() for file in sorted((ROOT / "cli/src/flowport/templates").glob("*.yaml"))}
GUIDES = {
    f"{page.stem}: {text.splitlines()[0]}": text
    for page in sorted((ROOT / "docs").rglob("*.md"))
    for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    if "\nblocks:\n" in text
}
"""Workflow files in the documentation."""
EXPORTS: dict[str, JsonObject] = {
    name: read_import(export["file"]).state
    for name, export in json.loads((ROOT / "tests/conformance/data/exports.json").read_text()).items()
}

SUPPORT = """\
name: Route support
description: Sorts a message.
blocks:
  Start:
    type: start
    inputs:
      message: string
      amount: {type: number, default: 3, description: In dollars.}

  Classify:
    type: function
    code: |
      return { urgent: <start.amount> > 100 };

  Check:
    type: condition
    branches:
      - if: <classify.result.urgent>
        next: Answer
      - else: Reply

  Answer:
    type: agent
    model: vllm/test
    messages:
      - system: Answer briefly.
      - user: <start.message>
    temperature: 0.2
    on_error: Reply
    next: Reply

  Reply:
    type: response
    status: 200
    data:
      text: <answer.content>
      amounts: [<start.amount>, 7]
      note: Got <start.message>.
"""


def read(text: str, **options: Any) -> WorkflowFile:
    return read_file(text, catalog=CATALOG, **options)


def state_of(text: str) -> WorkflowState:
    found = read(text)
    assert found.problems == []
    return read_state(found.state)


def arrows(state: WorkflowState) -> set[tuple[str, str, str]]:
    """The edges, by names; a branch by the end of its handle."""
    names = {key: each.name for key, each in state.blocks.items()}
    return {
        (names[each.source], (each.source_handle or "").removeprefix(f"condition-{each.source}-"), names[each.target])
        for each in state.edges
    }


def values(state: WorkflowState, name: str) -> JsonObject:
    (found,) = [each for each in state.blocks.values() if each.name == name]
    return {key: sub.value for key, sub in found.sub_blocks.items()}


# What a file means


def test_a_file_is_the_workflow_that_it_reads_like() -> None:
    found = read(SUPPORT)
    assert (found.name, found.description, found.problems) == ("Route support", "Sorts a message.", [])
    state = read_state(found.state)
    assert arrows(state) == {
        ("Start", "source", "Classify"),
        ("Classify", "source", "Check"),
        ("Check", "if", "Answer"),
        ("Check", "else", "Reply"),
        ("Answer", "source", "Reply"),
        ("Answer", "error", "Reply"),
    }
    assert values(state, "Start")["inputFormat"] == [
        {"id": "message", "name": "message", "type": "string"},
        {"id": "amount", "name": "amount", "type": "number", "value": 3, "description": "In dollars."},
    ]
    assert values(state, "Answer")["messages"] == [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "<start.message>"},
    ]
    assert problems(compile_workflow(found.state), catalog=CATALOG) == []


def test_a_mapping_becomes_json_in_which_references_keep_their_type() -> None:
    reply = values(state_of(SUPPORT), "Reply")
    assert reply["dataMode"] == "json"
    assert reply["escapeValues"] is True
    assert str(reply["data"]).replace("\n", "").replace(" ", "") == (
        '{"text":<answer.content>,"amounts":[<start.amount>,7],"note":"Got<start.message>."}'
    )


def test_a_block_that_another_one_names_does_not_follow_the_block_above_it() -> None:
    text = """
blocks:
  Start: {type: start, next: [A, B]}
  A: {type: function, code: return 1}
  B: {type: function, code: return 2}
  C: {type: function, code: return 3}
"""
    assert arrows(state_of(text)) == {("Start", "source", "A"), ("Start", "source", "B"), ("B", "source", "C")}


def test_blocks_inside_a_loop_are_written_inside_it() -> None:
    text = """
blocks:
  Start: {type: start, inputs: {words: array}}
  Each word:
    type: loop
    collection: <start.words>
    blocks:
      Shout: {type: function, code: return <loop.currentItem>}
      Store: {type: function, code: return <shout.result>}
  After: {type: function, code: return <eachword.results>}
"""
    state = state_of(text)
    assert arrows(state) == {
        ("Start", "source", "Each word"),
        ("Each word", "loop-start-source", "Shout"),
        ("Shout", "source", "Store"),
        ("Each word", "loop-end-source", "After"),
    }
    (loop,) = state.loops.values()
    assert (loop.loop_type, loop.for_each_items, len(loop.nodes)) == ("forEach", "<start.words>", 2)
    assert problems(compile_workflow(read(text).state), catalog=CATALOG) == []


def test_a_start_and_a_response_end_and_begin_nothing_by_order() -> None:
    text = "blocks:\n  A: {type: start}\n  R: {type: response}\n  B: {type: function}\n  S: {type: start}"
    assert arrows(state_of(text)) == {("A", "source", "R")}


def test_a_router_has_routes_with_descriptions() -> None:
    text = """
blocks:
  Start: {type: start}
  Pick:
    type: router_v2
    context: <start.input>
    model: vllm/test
    branches:
      - {route: Money, when: about money, next: A}
      - {when: all else, next: B}
  A: {type: response}
  B: {type: response}
"""
    state = state_of(text)
    assert {(handle.split("-")[-1], target) for name, handle, target in arrows(state) if name == "Pick"} == {
        ("1", "A"),
        ("2", "B"),
    }
    assert problems(compile_workflow(read(text).state), catalog=CATALOG) == []


def test_variables_have_the_type_of_their_value() -> None:
    given = "variables: {n: 3, s: x, b: true, l: [1], typed: {type: plain, value: y}}"
    state = state_of(f"{given}\nblocks: {{S: {{type: start}}}}")
    kinds = {each.name: each.type for each in state.variables.values()}
    assert kinds == {"n": "number", "s": "string", "b": "boolean", "l": "array", "typed": "plain"}


def test_variables_with_empty_names_and_ids_survive() -> None:
    variables: JsonObject = {"": {"name": ""}, "two": {"name": "", "value": 2}}
    document = workflow(start(), variables=variables)
    assert changes(document, read(write_file(document, catalog=CATALOG)).state) == []


def test_a_variable_is_written_as_its_value_if_the_type_follows_from_it() -> None:
    given = (
        "variables:\n  count: 3\n  word: x\n  list: [1]\n  one:\n    type: object\n    value: {a: 1}\n"
        "  two: {type: plain, value: x}\n"
    )
    stored = read(f"{given}\nblocks:\n  S:\n    type: start\n").state
    assert write_file(stored, catalog=CATALOG, with_layout=False).startswith(given)


def test_words_that_old_yaml_takes_for_booleans_are_texts() -> None:
    state = state_of("blocks: {S: {type: start, inputs: {q: {type: string, default: no}}}}")
    assert values(state, "S")["inputFormat"] == [{"id": "q", "name": "q", "type": "string", "value": "no"}]


# Ids and layout


def test_the_same_file_gives_the_same_workflow() -> None:
    assert read(SUPPORT).state == read(SUPPORT).state


def test_blocks_keep_id_and_place_of_the_draft() -> None:
    draft = chain(
        {**start(), "position": {"x": 7, "y": 8}},
        {**block("old", name="Classify", code="return 0"), "position": {"x": 500, "y": 90}},
    )
    found = read(SUPPORT, base=draft)
    blocks: Any = found.state["blocks"]
    assert blocks["old"]["name"] == "Classify"
    assert (blocks["start"]["position"], blocks["old"]["position"]) == ({"x": 7, "y": 8}, {"x": 500, "y": 90})
    assert len({str(each["position"]) for each in blocks.values()}) == len(blocks)


def test_branches_of_a_workflow_without_layout_show_side_by_side() -> None:
    blocks: Any = read(SUPPORT.replace("    next: Reply\n", "    next: []\n")).state["blocks"]
    at = {each["name"]: (each["position"]["x"], each["position"]["y"]) for each in blocks.values()}
    assert at["Start"][0] < at["Classify"][0] < at["Check"][0] < at["Answer"][0]
    assert len(set(at.values())) == len(at)


# Round trips


def assert_kept(state: JsonObject) -> None:
    """Assert that JSON → YAML → JSON changes nothing and keeps all ids, over the draft and without it."""
    text = write_file(state, catalog=CATALOG)
    found = read(text)
    assert found.problems == []
    assert not needs_redeployment(found.state, state)
    assert ids(found.state) == ids(state)
    assert write_file(found.state, catalog=CATALOG) == text
    assert format_file(text, catalog=CATALOG) == text
    again = read(text, base=state).state
    assert ids(again) == ids(state)
    assert not needs_redeployment(again, state)


def ids(state: JsonObject, *parts: str) -> dict[str, set[str]]:
    """Return the ids of a state's blocks, variables and edges."""
    read_back = read_state(state)
    known = {
        "blocks": set(read_back.blocks),
        "variables": set(read_back.variables),
        "edges": {edge.id for edge in read_back.edges},
    }
    return {part: known[part] for part in parts or known}


def exported(state: JsonObject) -> str:
    """Return the JSON file of a draft."""
    about = ExportedWorkflow(id="w", name="Kept", description="Stays as it is.")
    return json.dumps(export_workflow(about, state, exported_at=datetime(2026, 1, 1, tzinfo=UTC), catalog=CATALOG))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_survives_being_written_as_a_file(name: str) -> None:
    assert_kept(EXAMPLES[name])
    SCHEMA.validate(read_yaml(write_file(EXAMPLES[name], catalog=CATALOG)).value)


@pytest.mark.parametrize("name", CASES)
def test_an_engine_case_survives_being_written_as_a_file(name: str) -> None:
    assert_kept(CASES[name])


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_of_sim_survives_being_written_as_a_file(name: str) -> None:
    assert_kept(EXPORTS[name])


@pytest.mark.parametrize("text", [*TEMPLATES.values(), *GUIDES.values(), SUPPORT], ids=[*TEMPLATES, *GUIDES, "support"])
def test_a_file_survives_an_export_as_json(text: str) -> None:
    stored = state_of_file(text)
    imported = read_import(exported(stored)).state
    assert not needs_redeployment(imported, stored)
    assert ids(imported) == ids(stored)
    for with_layout in (True, False):
        file = write_file(imported, catalog=CATALOG, with_layout=with_layout)
        again = read(file).state
        assert not needs_redeployment(again, stored)
        assert ids(again) == ids(stored)
    assert problems(compile_workflow(stored), catalog=CATALOG, keyed_providers=PROVIDERS) == []
    SCHEMA.validate(read_yaml(text).value)


def state_of_file(text: str) -> JsonObject:
    found = read(text)
    assert found.problems == []
    return found.state


def test_a_file_over_a_draft_keeps_its_ids() -> None:
    draft = read_import(exported(chain(start(), block("old", name="Old", code="return 1")))).state
    file = write_file(draft, catalog=CATALOG, with_layout=False)
    found = read(file, base=draft).state
    assert ids(found) == ids(draft)


def test_a_file_survives_being_stored() -> None:
    stored = read(SUPPORT).state
    again = read(write_file(stored, catalog=CATALOG)).state
    assert changes(stored, again) == []
    plain = write_file(stored, catalog=CATALOG, with_layout=False, name="Route support", description="Sorts a message.")
    assert format_file(SUPPORT, catalog=CATALOG) == plain


MALFORMED_TOOLS = re.compile(r"tools must be a list|entry \d+ of tools must be a mapping")
"""States may store them, files may not."""


@settings(deadline=None)
@given(documents())
def test_any_state_that_can_be_read_survives(document: Json) -> None:
    try:
        state = read_state(document)
    except InvalidWorkflow:
        return
    assume("Infinity" not in json.dumps(document))  # no JSON
    assert isinstance(document, dict)
    found = read(write_file(document, catalog=CATALOG))
    assume(not any(MALFORMED_TOOLS.match(problem.message) for problem in found.problems))
    assert found.problems == []
    assert changes(document, found.state) == []
    assert set(read_state(found.state).blocks) == set(state.blocks)


def test_a_file_has_the_ids_of_edges_that_do_not_follow_from_their_ends() -> None:
    text = write_file(chain(start(), block("a", name="A", code="return 1")), catalog=CATALOG)
    assert text.endswith("\nedgeIds:\n  start-a-source: [Start, A]\n")
    assert "edgeIds" not in write_file(read(SUPPORT).state, catalog=CATALOG)
    assert "edgeIds" not in write_file(EXAMPLES["classify-support.json"], catalog=CATALOG, with_layout=False)


def test_edges_between_the_same_blocks_keep_their_ids() -> None:
    names = ("source", "error")
    edges = tuple({**edge("a", "b", handle), "id": f"{handle}-id"} for handle in reversed(names))
    given = workflow(
        start(), block("a", code="return 1"), block("b", code="return 2"), edges=(edge("start", "a"), *edges)
    )
    text = write_file(given, catalog=CATALOG)
    assert "  error-id: [a, error, b]\n" in text
    assert_kept(given)


def test_an_id_of_an_edge_that_the_file_no_longer_has_is_ignored() -> None:
    text = SUPPORT + "\nedgeIds: {e1: [Start, Classify], e2: [Start, Reply], e3: [Gone, Classify]}\n"
    found = read(text)
    assert found.problems == []
    kept = {edge.id for edge in read_state(found.state).edges}
    assert kept & {"e1", "e2", "e3"} == {"e1"}
    assert arrows(read_state(found.state)) == arrows(state_of(SUPPORT))


def test_odd_edges_are_listed() -> None:
    document = workflow(
        start(),
        block("a", name="A", code="return 1"),
        edges=(edge("start", "a", None), edge("a", "gone"), edge("a", "a", "left")),
    )
    text = write_file(document, catalog=CATALOG)
    assert "\nedges:\n" in text
    assert_kept(document)


def test_values_that_are_unlike_their_setting_survive() -> None:
    document = workflow(
        block("a", "start_trigger", name="Start", inputFormat={"a": "string"}),
        block("b", "api", name="B", headers={}, params={"a": "b"}),
        block("c", "agent", name="C", messages="<a.a>"),
        block("d", "agent", name="D", messages='[{"role": "user", "content": "<start.a>"}]'),
        block("e", "condition", name="E", conditions={}),
        block("f", "router_v2", name="F", routes=[{"next": "a"}]),
        edges=tuple(edge(*ends) for ends in ("ab", "bc", "cd", "de", "ef")),
    )
    assert_kept(document)


def test_blocks_of_one_name_stay_apart() -> None:
    assert_kept(chain(start(), block("a", name="Same", code="return 1"), block("b", name="Same", code="return 2")))


def test_a_problem_of_the_workflow_has_its_line_in_the_file() -> None:
    text = SUPPORT.replace("temperature: 0.2", "temprature: 0.2").replace("status: 200", "status: banana")
    found = read(text)
    lines = text.splitlines()
    found_lines = [found.line_of(each) for each in problems(compile_workflow(found.state), catalog=CATALOG)]
    shown = [lines[line - 1].strip() for line in found_lines if line]
    assert shown == ["temprature: 0.2", "status: banana"]


def test_an_import_takes_yaml_as_text() -> None:
    found = read_import(SUPPORT)
    assert found.name == "Route support"
    assert len(read_state(found.state).blocks) == 5


@pytest.mark.parametrize(
    "text",
    [
        "{name: Short, blocks: {Start: {type: start}, Reply: {type: response, data: {a: <start.input>}}}}",
        "\n{\n  blocks: {Start: {type: start}, Reply: {type: response, data: {}}},\n  name: Short}",
        "{'name': 'Short', 'blocks': {'Start': {type: start}, 'Reply': {type: response}}}",
        '{"name": "Short", "blocks": {"Start": {"type": "start"}, "Reply": {"type": "response"}}}',
    ],
)
def test_a_file_in_flow_style_or_in_json_is_read_like_one_over_several_lines(text: str) -> None:
    found = read_import(text)
    assert found.name == "Short"
    assert [block.type for block in read_state(found.state).blocks.values()] == ["start_trigger", "response"]
    assert len(read_state(found.state).edges) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: 1}", "Write names and texts in double quotes"),
        ('{"blocks": {"a": {"type": "agent", "subBlocks": {}}}, "edges": []}', "missing required field: id"),
        ('{"blocks": {"a": {"type": "agent", "id": "a"}, "b": {"type": "agent"}}}', "Block b missing required field"),
        ('{"blocks": {"a": {"type": "agent"}},}', "Remove the comma"),
    ],
)
def test_mistakes_of_a_json_export_are_those_of_json(text: str, message: str) -> None:
    with pytest.raises(InvalidWorkflow, match=message):
        read_import(text)


# Canonical form


def test_a_file_is_brought_into_one_form_and_keeps_its_comments() -> None:
    untidy = """\
# yaml-language-server: $schema=x
blocks:
    Start:   # begins
        inputs: {q: string}
        type: start
    # does it
    Work:
        code: |
            # of the code
            return "#1"
        type: function   # runs
name: 'x'
# end
"""
    assert (
        format_file(untidy, catalog=CATALOG)
        == """\
# yaml-language-server: $schema=x
name: x

blocks:
  Start:  # begins
    type: start
    inputs: {q: string}

  # does it
  Work:
    type: function  # runs
    code: |
      # of the code
      return "#1"
# end
"""
    )


# The schema


def test_the_schema_accepts_what_is_right_and_nothing_misspelled() -> None:
    jsonschema.Draft7Validator.check_schema(file_schema(CATALOG))
    SCHEMA.validate(read_yaml(SUPPORT).value)
    for wrong in ("temprature: 0.2", "temperature: 9", "model2: x"):
        assert not SCHEMA.is_valid(read_yaml(SUPPORT.replace("temperature: 0.2", wrong)).value)
    assert not SCHEMA.is_valid(read_yaml(SUPPORT.replace("type: agent", "type: agnet")).value)
