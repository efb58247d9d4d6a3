"""All problems of a workflow are reported together: errors that prevent a deploy, and warnings."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.workflow_states import chain, documents, edge, json_values, start, workflow
from tests.support.workflow_states import sound_block as block

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.errors import InvalidWorkflow
from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.compile.wiring import find_cycle
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.references import normalize_name
from shared.workflow.validate.validator import problems

CATALOG = Catalog()
UNREACHABLE = (
    "is not reachable: it will not run. Connect it after a block that runs, in a file with next, or remove it."
)
CONTAINER_KEYS = ("loopType", "parallelType", "count", "collection", "whileCondition", "batchSize", "canonicalModes")


def found(document: JsonObject) -> list[Problem]:
    return problems(compile_workflow(document), catalog=CATALOG)


def told(document: JsonObject) -> list[tuple[str, str]]:
    return [(problem.code.value, problem.message) for problem in found(document)]


def test_a_sound_workflow_has_no_problems() -> None:
    variables: Json = {"v": {"id": "v", "name": "My Count"}}
    document = chain(
        start({"name": "q"}),
        block("f", code="// <ghost.x>\nreturn <start.q> + <variable.mycount> + <variable.v>"),
        block("r", "response", settings={"dataMode": "json", "data": '{"a": "<f.result>", "h": "<b>bold</b>"}'}),
    )
    assert told({**document, "variables": variables}) == []


def test_errors_come_before_warnings_and_all_are_reported() -> None:
    document = workflow(block("n", name="Loop"), block("x", "gmail_v2", "Mail"), block("a", "agent", "Agent 1"))
    assert [(problem.severity, problem.code) for problem in found(document)] == [
        (Severity.ERROR, ProblemCode.NO_START_BLOCK),
        (Severity.ERROR, ProblemCode.UNKNOWN_BLOCK_TYPE),
        (Severity.ERROR, ProblemCode.MISSING_FIELDS),
        (Severity.WARNING, ProblemCode.RESERVED_NAME),
    ]


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        (workflow(), "no_start_block", "No start block found. Add a start block to this workflow."),
        (
            chain(start(), block("x", "gmail_v2", "Mail")),
            "unknown_block_type",
            "Mail: Invalid block type: gmail_v2; replace it with an API block: POST https://gmail.googleapis.com/upload/"
            "gmail/v1/users/me/messages/send?uploadType=media, with the secret {{GMAIL_TOKEN}}",
        ),
        (chain(start(), block("a", "agent", "Agent 1")), "missing_fields", "Agent 1 is missing required fields: Model"),
    ],
)
def test_errors_prevent_a_deploy(document: JsonObject, code: str, message: str) -> None:
    assert told(document) == [(code, message)]


@pytest.mark.parametrize(
    "trigger",
    [
        block("t", "schedule", "Every Morning"),
        block("t", "generic_webhook", "Every Morning"),
        {**block("t", "api", "Every Morning", url="https://example.com/"), "triggerMode": True},
    ],
)
def test_an_unsupported_trigger_is_named(trigger: JsonObject) -> None:
    cause = "schedules and webhook triggers are not served here, only calls are"
    unserved = f'Nothing will fire "Every Morning": {cause}. Call the workflow from cron, CI or the other service.'
    beside = [problem for problem in found(workflow(start(), trigger)) if problem.block_id == "t"]
    assert ("unserved_trigger", unserved) in [(problem.code.value, problem.message) for problem in beside]
    alone = found(workflow(trigger))[0]
    assert (alone.code, alone.severity) == (ProblemCode.NO_START_BLOCK, Severity.ERROR)
    assert alone.message == f"No start block found. Add a start block to this workflow. {unserved}"


def test_a_trigger_that_is_switched_off_or_called_is_no_matter() -> None:
    off, asked = block("t", "schedule", enabled=False), start()
    assert told(workflow({**asked, "triggerMode": True}, off)) == []


def test_an_input_field_that_prevents_every_run_is_refused() -> None:
    (problem,) = found(workflow(start({"name": "error", "type": "string"})))
    assert (problem.severity, problem.block_id, problem.fields) == (Severity.ERROR, "start", ("inputFormat",))
    assert problem.message.startswith('Start block "Start" cannot use reserved runtime input field name(s): error.')


def test_an_unavailable_tool_prevents_the_deploy_of_its_agent() -> None:
    tools: Json = [
        {"type": "custom-tool", "title": "Add", "code": "return 1"},
        {"type": "custom-tool", "customToolId": "tool-1"},
        {"type": "mcp", "title": "Search", "params": {"serverUrl": "https://tools.example/mcp", "toolName": "search"}},
        {"type": "function", "title": "Code"},
        {"type": "slack", "title": "Slack"},
        {"type": "knowledge", "title": "Docs"},
        {"type": "gmail", "title": "Mail", "usageControl": "none"},
    ]
    assert told(chain(start(), block("a", "agent", "Agent 1", model="echo", tools=tools))) == [
        (
            "unsupported_setting",
            'Agent 1, tool "tool-1": its code is stored only on the server where it was created; add its schema and'
            " code to the tool",
        ),
        (
            "unknown_block_type",
            'Agent 1, tool "Slack": Invalid block type: slack; replace it with an API block: POST '
            "https://slack.com/api/chat.postMessage, with the secret {{SLACK_TOKEN}}",
        ),
        (
            "unsupported_block_type",
            'Agent 1, tool "Docs": Knowledge bases are not supported; call your own vector store with an API block'
            " instead.",
        ),
    ]


@pytest.mark.parametrize(("usage", "codes"), [("auto", ["unsupported_notification"]), ("none", [])])
def test_a_pause_that_counts_on_a_notification_cannot_be_deployed(usage: str, codes: list[str]) -> None:
    tools: Json = [{"type": "slack", "title": "Slack", "usageControl": usage}]
    document = chain(start(), block("h", "human_in_the_loop", notification=tools))
    assert [code for code, _ in told(document)] == codes


def test_a_problem_names_block_and_fields() -> None:
    problem = found(chain(start(), block("a", "mcp", "Tool")))[0]
    assert (problem.block_id, problem.block_name, problem.fields) == ("a", "Tool", ("MCP Server", "Tool"))


def test_an_operators_key_for_the_provider_makes_a_key_optional() -> None:
    state = compile_workflow(chain(start(), block("a", "agent", model="gpt-4o")))
    assert [each.fields for each in problems(state, catalog=CATALOG)] == [("API Key",)]
    assert problems(state, catalog=CATALOG, keyed_providers={"openai"}) == []


def test_a_type_that_is_not_offered_is_refused_clearly() -> None:
    problem = found(chain(start(), block("k", "knowledge", "KB")))[0]
    assert problem.code is ProblemCode.UNSUPPORTED_BLOCK_TYPE
    assert problem.message.startswith("KB: Knowledge bases are not supported")


def test_disabled_blocks_may_be_of_any_type() -> None:
    document = chain(start(), block("f"), block("x", "gmail_v2", enabled=False))
    loop = block("L", "loop", enabled=False)
    inside = block("y", "slack", data={"parentId": "L"})
    assert told(document) == []
    assert told(workflow(start(), loop, inside)) == []


def test_a_cycle_is_shown_with_its_way_round() -> None:
    blocks = (start(), block("a", name="A"), block("b", name="B"))
    document = workflow(*blocks, edges=(edge("start", "a"), edge("a", "b"), edge("b", "a")))
    fix = "To repeat blocks, put them in a loop."
    cycle = "The blocks outside a loop form a cycle"
    assert told(document) == [("cycle", f'{cycle}: A → B → A. Remove the edge from "B" to "A". {fix}')]
    document = workflow(start(), block("a", name="A"), edges=(edge("start", "a"), edge("a", "a")))
    assert told(document) == [("cycle", f'{cycle}: A → A. Remove the edge from "A" to "A". {fix}')]


@pytest.mark.parametrize(("kind", "title"), [("loop", "Loop"), ("parallel", "Parallel")])
def test_children_that_form_a_cycle_leave_a_container_without_an_entry(kind: str, title: str) -> None:
    inside: JsonObject = {"parentId": "c"}
    document = workflow(
        start(),
        block("c", kind),
        block("f", data=inside),
        block("g", data=inside),
        edges=(edge("start", "c"), edge("c", "f", f"{kind}-start-source"), edge("f", "g"), edge("g", "f")),
    )
    message = f"c: {title} start is not connected to any blocks. Connect a block to the {kind} start."
    assert told(document) == [("container_not_connected", message)]


def test_a_cycle_behind_the_entry_of_a_container_is_a_cycle() -> None:
    inside: JsonObject = {"parentId": "c"}
    document = workflow(
        start(),
        block("c", "loop", "Each"),
        *(block(key, data=inside) for key in "efg"),
        edges=(edge("start", "c"), edge("c", "e"), edge("e", "f"), edge("f", "g"), edge("g", "f")),
    )
    (problem,) = found(document)
    assert problem.message.startswith('The blocks inside "Each" form a cycle: f → g → f. Remove the edge from "g"')
    assert (problem.block_id, problem.fields) == ("g", ("edges", "g-f-source"))


def test_a_disabled_block_breaks_a_cycle() -> None:
    document = workflow(
        start(), block("a"), block("b", enabled=False), edges=(edge("start", "a"), edge("a", "b"), edge("b", "a"))
    )
    assert told(document) == []


def test_containers_nest_ten_deep_and_never_in_themselves() -> None:
    def nested(depth: int) -> JsonObject:
        loops = [block(f"c{n}", "loop", data={"parentId": f"c{n - 1}"} if n else {}) for n in range(depth)]
        ids = ["start", *(f"c{n}" for n in range(depth)), "f"]
        links = tuple(edge(a, b) for a, b in itertools.pairwise(ids))
        return workflow(start(), *loops, block("f", data={"parentId": f"c{depth - 1}"}), edges=links)

    assert told(nested(10)) == []
    assert [code for code, _ in told(nested(11))] == ["nested_too_deeply"]
    itself = workflow(start(), block("c", "loop", data={"parentId": "c"}), edges=(edge("start", "c"),))
    assert "nested_too_deeply" in [code for code, _ in told(itself)]


@pytest.mark.parametrize(
    ("document", "code", "message"),
    [
        (workflow(start(), block("a")), "unreachable_block", f'"a" {UNREACHABLE}'),
        (
            workflow(start(), block("a", enabled=False), block("b"), edges=(edge("start", "a"), edge("a", "b"))),
            "unreachable_block",
            '"b" is not reachable: it will not run, because "a" is disabled.',
        ),
        (
            workflow(start(), edges=(edge("start", "gone"),)),
            "dangling_edge",
            'The edge from "Start" to "gone" is ignored: no block has the id "gone".',
        ),
        (
            workflow(start(), block("t", "api_trigger", "API")),
            "several_starts",
            'Several start blocks: API calls start at "Start", never at API. Keep one.',
        ),
        (
            chain(start(), block("a", name="Dup X"), block("b", name="dupx")),
            "duplicate_name",
            'dupx: the name is that of "Dup X" in references, so <dupx.…> never reads this block. Rename it.',
        ),
        (
            chain(start(), block("a", name="Variable")),
            "reserved_name",
            "Variable: the name is reserved: references cannot reach this block. Rename it.",
        ),
        (
            chain(start(), block("L", "loop", "Each")),
            "empty_container",
            "Each: Loop has no executable blocks inside. Add or enable at least one block in the loop.",
        ),
        (
            chain(start(), block("a", data={"parentId": "gone"})),
            "lost_block",
            'The container of "a" does not exist.',
        ),
        (
            chain(start(), block("a", code="return <ghost.x> + '<ghost.x>'")),
            "unknown_reference",
            "a: <ghost.x> in code matches no block. Use one of: start, a.",
        ),
        (
            chain(start(), block("a", "api", url="https://x.test/<ghost.x>")),
            "unknown_reference",
            "a: <ghost.x> in url matches no block. Use one of: start, a.",
        ),
        (
            chain(start(), block("a", code="return <loop.index>")),
            "unknown_reference",
            "a: <loop.index> in code is outside a loop. Move the block into a loop.",
        ),
        (
            chain(start(), block("a", code="return <parallel.index>")),
            "unknown_reference",
            "a: <parallel.index> in code is outside a parallel. Move the block into a parallel.",
        ),
        (
            chain(start(), block("a", code="return <variable.nope>")),
            "unknown_variable",
            "a: <variable.nope> in code names a variable that does not exist. Declare it in variables.",
        ),
    ],
)
def test_warnings_inform_the_author(document: JsonObject, code: str, message: str) -> None:
    assert told(document) == [(code, message)]
    assert found(document)[0].severity is Severity.WARNING


def test_an_edge_across_a_containers_border_is_ignored_and_reported() -> None:
    inside: JsonObject = {"parentId": "L"}
    document = workflow(
        start(),
        block("L", "loop"),
        block("f", data=inside),
        edges=(edge("start", "L"), edge("L", "f"), edge("start", "f")),
    )
    message = 'The edge from "Start" to "f" crosses a container\'s border and is ignored.'
    assert told(document) == [("crossing_edge", message)]


def test_an_edge_out_of_a_container_explains_why_a_block_will_not_run() -> None:
    blocks = [block("L", "loop", data={"count": 1}), block("f", data={"parentId": "L"}), block("h"), block("z")]
    edges = (edge("start", "L"), edge("L", "f"), edge("f", "h", "error"), edge("h", "z"), edge("L", "z"))
    assert told(workflow(start(), *blocks, edges=edges)) == [
        (
            "crossing_edge",
            'The edge from "f" to "h" crosses a container\'s border and is ignored. Name a block inside "L".',
        ),
    ]


def test_an_unknown_reference_in_code_has_its_line_and_column() -> None:
    document = chain(start(), block("f", code="const a = 1;\nreturn <ghost.x>;"))
    (problem,) = found(document)
    assert (problem.fields, problem.line, problem.column) == (("code",), 2, 8)


def test_references_of_loops_are_validated_too() -> None:
    loop = block("L", "loop", data={"loopType": "forEach", "collection": "<ghost.items>"})
    inside = block("f", data={"parentId": "L"}, code="return <loop.index> + <l.currentItem>")
    document = workflow(start(), loop, inside, edges=(edge("start", "L"), edge("L", "f")))
    assert told(document) == [
        ("unknown_reference", "L: <ghost.items> in collection matches no block. Use one of: start, l, f.")
    ]


@pytest.mark.parametrize("name", ["Größe 🧹", 'The "best"'])
def test_a_name_whose_letters_are_escaped_where_settings_are_json_text_is_known(name: str) -> None:
    entries: list[Json] = [{"id": "if", "title": "if", "value": f"<{normalize_name(name)}.result> > 1"}]
    given = block("c", "condition", conditions=json.dumps(entries))
    assert told(chain(start(), block("f", name=name, code="return 2"), given)) == []


@given(documents())
def test_any_state_that_can_be_read_can_be_checked(document: Json) -> None:
    try:
        state = compile_workflow(document)
    except InvalidWorkflow:
        return
    assert all(problem.message for problem in problems(state, catalog=CATALOG))


ENTRY_KEYS = ["id", "name", "type", "title", "value", "params", "usageControl", "schema", "code", "cells"]
ENTRY: st.SearchStrategy[Json] = st.dictionaries(st.sampled_from(ENTRY_KEYS), json_values(4), max_size=4)
ENTRIES: st.SearchStrategy[Json] = st.lists(ENTRY, max_size=3)
"""Settings that are lists: rows, fields, tools, messages."""


@pytest.mark.parametrize("kind", [spec.type for spec in CATALOG])
@given(data=st.data())
@settings(max_examples=settings().max_examples // 10)
def test_any_value_of_any_setting_can_be_checked_and_compiled(kind: str, data: st.DataObject) -> None:
    spec = CATALOG.spec(kind)
    assert spec is not None
    names = st.sampled_from([setting.id for setting in spec.sub_blocks] or [""])
    values = data.draw(st.dictionaries(names, json_values(4) | ENTRIES, max_size=2), label="settings")
    inside = data.draw(st.dictionaries(st.sampled_from(CONTAINER_KEYS), json_values(4), max_size=3), label="data")
    document = chain(start(), block("b", kind, data=inside, settings=values))
    problems(compile_workflow(document), catalog=CATALOG)
    compile_workflow(document, catalog=CATALOG)


@given(st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3), max_size=7))
def test_a_cycle_is_found_where_there_is_one_and_only_there(graph: dict[int, list[int]]) -> None:
    targets = {str(key): [str(each) for each in found if each in graph] for key, found in graph.items()}
    cycle = find_cycle(targets)
    assert bool(cycle) == any(_returns(targets, key) for key in targets)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(b in targets[a] for a, b in itertools.pairwise(cycle))


def _returns(targets: dict[str, list[str]], origin: str) -> bool:
    seen: set[str] = set()
    pending = list(targets[origin])
    while pending:
        key = pending.pop()
        if key not in seen:
            seen.add(key)
            pending.extend(targets[key])
    return origin in seen


def test_a_workflow_that_only_chats_can_be_deployed() -> None:
    chat = {**block("c", "chat_trigger", "Chat"), "enabled": True}
    assert told(workflow(chat, block("f"), edges=(edge("c", "f"),))) == []


def test_a_custom_block_of_sim_is_left_out_with_its_edges() -> None:
    document = workflow(
        start(), block("x", "custom_block_77", "Mine"), block("f"), edges=(edge("start", "x"), edge("start", "f"))
    )
    message = "Mine: custom_block_77 exists only on the server where it was created, and is left out."
    assert told(document) == [("unknown_block_type", message)]


@pytest.mark.parametrize(
    ("one", "code", "message"),
    [
        (
            block("a", code="return (1"),
            "code_syntax",
            "a: the JavaScript of code does not parse at line 1, column 1. Correct its syntax there.",
        ),
        (
            block("a", language="python", code="x = 1\nif <start.input>\n  y"),
            "code_syntax",
            "a: the Python of code does not parse at line 2, column 1. Correct its syntax there.",
        ),
        (
            block("c", "condition", conditions=[{"id": "i", "title": "if", "value": "<start.input> >"}]),
            "code_syntax",
            "c: the JavaScript of conditions does not parse at line 1, column 16. Correct its syntax there.",
        ),
    ],
)
def test_code_that_does_not_parse_is_a_warning(one: JsonObject, code: str, message: str) -> None:
    warned = [problem for problem in found(chain(start(), one)) if problem.severity is Severity.WARNING]
    assert [(problem.code, problem.message) for problem in warned] == [(code, message)]


def test_a_reference_whose_context_cannot_be_decided_is_refused_by_line_and_column() -> None:
    code = "match 1:\n  case <start.input>: pass"
    (problem,) = found(chain(start(), block("a", language="python", code=code)))
    assert (problem.severity, problem.code, problem.fields) == (Severity.ERROR, "undecided_reference", ("code",))
    assert problem.message == (
        "a: <start.input> at line 2, column 8 cannot be resolved: "
        "a pattern compares with literals and names, not with values. Assign the reference to a variable, and use that."
    )


def test_a_comparison_that_looks_like_a_reference_is_no_syntax_error() -> None:
    assert "code_syntax" not in {each.code for each in found(chain(start(), block("a", code="return 1 <g.x> 0")))}
