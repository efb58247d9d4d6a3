"""Wrong workflows, at least three for each rule of the checker: each is named with its block, setting and fix."""

from collections import Counter
from typing import NamedTuple

import pytest
from tests.support.workflow_states import chain, edge, start, workflow
from tests.support.workflow_states import sound_block as block

from shared.contracts.problems import ProblemCode, Severity
from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.validate.validator import RULES, problems

FIELDS: tuple[JsonObject, ...] = (
    {"name": "message", "type": "string"},
    {"name": "amount", "type": "number"},
)
TOTAL: Json = {"v": {"id": "v", "name": "total", "type": "number", "value": 0}}
TOKEN = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"  # no real one
BRANCHES: list[Json] = [{"id": "c-if", "title": "if", "value": "<start.amount> > 1"}, {"id": "c-else", "title": "else"}]
INSIDE: JsonObject = {"parentId": "L"}


def one(kind: str = "function", name: str = "Run", /, **settings: Json) -> JsonObject:
    """Return a workflow of a start and one block."""
    return {**chain(start(*FIELDS), block("b", kind, name, settings=settings)), "variables": TOTAL}


def python(code: str) -> JsonObject:
    return one(language="python", code=code)


def condition(expression: str) -> JsonObject:
    return one("condition", conditions=[{"id": "i", "title": "if", "value": expression}])


def inputs(*fields: JsonObject) -> JsonObject:
    return chain(start(*fields), block("b"))


def graph(*edges: JsonObject, blocks: tuple[JsonObject, ...] = ()) -> JsonObject:
    """Return a workflow of a start, functions "a" and "b", and other blocks."""
    return workflow(start(*FIELDS), block("a", name="Ask"), block("b", name="Run"), *blocks, edges=edges)


class Case(NamedTuple):
    code: str
    document: JsonObject
    block: str | None
    setting: str | None
    fix: str


API: dict[str, Json] = {"url": "https://api.example.com", "method": "GET"}
AGENT: dict[str, Json] = {"model": "echo"}
CONNECTED = (edge("start", "a"), edge("a", "b"))
NEAR_EDGE = {**edge("start", "b"), "target": "Rnu"}
CASES = [
    Case("unknown_reference", one(code="return <strat.amount>"), "Run", "code", 'Did you mean "<start.amount>"?'),
    Case("unknown_reference", one("api", **{**API, "url": "https://x.test/<ghost.id>"}), "Run", "url", "Use one of:"),
    Case("unknown_reference", condition("<startt.amount> > 1"), "Run", "conditions", 'Did you mean "<start.amount>"?'),
    Case("unknown_reference", one(code="return <loop.index>"), "Run", "code", "Move the block into a loop."),
    Case("unknown_reference", one(code="return <parallel.index>"), "Run", "code", "Move the block into a parallel."),
    Case("unknown_variable", one(code="return <variable.totl>"), "Run", "code", 'Did you mean "<variable.total>"?'),
    Case("unknown_variable", one(code="return <variable.color>"), "Run", "code", "Declare it in variables."),
    Case("unknown_variable", condition("<variable.totals> > 1"), "Run", "conditions", '"<variable.total>"'),
    Case("unknown_field", one(code="return <start.mesage>"), "Run", "code", 'Did you mean "<start.message>"?'),
    Case("unknown_field", one("api", **{**API, "url": "https://x.test/<start.id>"}), "Run", "url", "Available fields"),
    Case("unknown_field", condition("<start.amonut> > 1"), "Run", "conditions", 'Did you mean "<start.amount>"?'),
    Case(
        "unknown_field",
        chain(start(), block("f", name="F"), block("b", name="Run", code="return <f.reslt>")),
        "Run",
        "code",
        'Did you mean "<f.result>"?',
    ),
    *(
        Case("reserved_name", one("function", name, code="return 1"), name, None, "Rename it.")
        for name in ("Loop", "parallel", "Variable")
    ),
    *(
        Case("duplicate_name", chain(start(), block("a", name=a), block("b", name=b)), b, None, "Rename it.")
        for a, b in (("Score 1", "score1"), ("Ask", "ask"), ("a.b", "AB"))
    ),
    Case("unknown_setting", one("api", **API, methd="POST"), "Run", "methd", 'Did you mean "method"?'),
    Case("unknown_setting", one("agent", **AGENT, temprature=1), "Run", "temprature", 'Did you mean "temperature"?'),
    Case("unknown_setting", one(code="return 1", shade="blue"), "Run", "shade", "Use one of: language, code"),
    Case("invalid_setting", one("agent", **AGENT, temperature=7), "Run", "temperature", "from 0 to 2"),
    Case("invalid_setting", one("api", **{**API, "method": "FETCH"}), "Run", "method", "Use one of: GET, POST"),
    Case("invalid_setting", one("api", **API, timeout="soon"), "Run", "timeout", "must be"),
    Case(
        "invalid_setting",
        one("response", dataMode="json", data="{}", status=99),
        "Run",
        "status",
        "from 100 to 599",
    ),
    Case("invalid_setting", one("wait", timeValue=5, timeUnit="secnds"), "Run", "timeUnit", 'Did you mean "seconds"?'),
    Case("invalid_setting", one("response", dataMode="json", data='{"a": 1,}'), "Run", "data", "Remove the comma."),
    Case("invalid_setting", one("agent", **AGENT, responseFormat='{"a": 01}'), "Run", "responseFormat", "is not JSON"),
    Case(
        "invalid_setting", one("workflow_input", workflowId="w", inputMapping='{"a": b}'), "Run", "inputMapping", "JSON"
    ),
    Case("invalid_input_field", inputs({"name": "a", "type": "decimal"}), "Start", "inputFormat", "Use one of:"),
    Case("invalid_input_field", inputs({"name": "a", "type": "nubmer"}), "Start", "inputFormat", '"number"'),
    Case("invalid_input_field", inputs(*FIELDS, FIELDS[0]), "Start", "inputFormat", "Remove one."),
    *(
        Case("undecided_reference", document, "Run", "code", "Assign the reference to a variable")
        for document in (
            python("match 1:\n  case <start.amount>: pass"),
            python("match 1:\n  case [<start.amount>, 2]: pass"),
            python("match {}:\n  case {'a': <start.message>}: pass"),
        )
    ),
    Case("code_syntax", one(code="if (<start.amount> > 1) { return 1"), "Run", "code", "line 1, column"),
    Case("code_syntax", one(code="const a = 1;\nreturn (a"), "Run", "code", "line 2, column"),
    Case("code_syntax", python("if <start.amount> > 1:\nreturn 1"), "Run", "code", "an indented block is missing"),
    Case("code_syntax", python("if True:\n    x = 1\n  return x"), "Run", "code", "matches no outer indentation"),
    Case("code_syntax", condition(" " * 200_000 + "a;b"), "Run", "conditions", "line 1, column"),
    Case("code_syntax", python("x = 1\n  y = 2\nreturn x"), "Run", "code", "no block begins above it"),
    Case("code_syntax", python("return (1"), "Run", "code", "the Python of code does not parse at line 1"),
    Case("code_syntax", condition("<start.amount> >"), "Run", "conditions", "Correct its syntax there."),
    Case("code_syntax", condition("<start.amount> > 1 &&& true"), "Run", "conditions", "line 1, column"),
    Case(
        "plain_secret", one("api", **{**API, "url": f"https://x.test?t={TOKEN}"}), "Run", "url", "flowport secrets set"
    ),
    Case("plain_secret", one("agent", **AGENT, apiKey=TOKEN), "Run", "apiKey", "write {{NAME}} in its place"),
    Case("plain_secret", one("api", **API, body=f'{{"t": "{TOKEN}"}}'), "Run", "body", "flowport secrets set"),
    Case(
        "plain_secret",
        {**one(code="return 1"), "variables": {"v": {"id": "v", "name": "token", "type": "string", "value": TOKEN}}},
        None,
        "variables",
        "write {{NAME}} in its place",
    ),
    Case("no_start_block", workflow(), None, None, "Add a start block"),
    Case("no_start_block", workflow(block("b")), None, None, "Add a start block"),
    Case("no_start_block", chain(block("s", "schedule", timezone="UTC"), block("b")), None, None, "Add a start block"),
    Case("unknown_block_type", one("functoin"), "Run", "type", 'Did you mean "function"?'),
    Case("unknown_block_type", one("agnt"), "Run", "type", 'Did you mean "agent"?'),
    Case("unknown_block_type", one("gmail_v2"), "Run", "type", "replace it with an API block"),
    Case("missing_fields", one("agent"), "Run", "Model", "missing required fields: Model"),
    Case("missing_fields", one("api"), "Run", "URL", "missing required fields: URL"),
    Case("missing_fields", one("memory", operation="get"), "Run", "Conversation ID", "missing required fields"),
    Case("cycle", graph(*CONNECTED, edge("b", "a")), "Run", "edges", 'Remove the edge from "Run" to "Ask".'),
    Case("cycle", graph(*CONNECTED, edge("a", "a")), "Ask", "edges", "put them in a loop"),
    Case(
        "cycle",
        graph(
            *CONNECTED,
            edge("b", "L"),
            edge("L", "e"),
            edge("e", "f"),
            edge("f", "g"),
            edge("g", "f"),
            blocks=(block("L", "loop", "Each"), *(block(key, data=INSIDE) for key in "efg")),
        ),
        "g",
        "edges",
        'Remove the edge from "g" to "f".',
    ),
    Case("dangling_edge", graph(*CONNECTED, edge("b", "gone")), "Run", "edges", 'no block has the id "gone"'),
    Case("dangling_edge", graph(*CONNECTED, edge("gone", "b")), "Run", "edges", 'no block has the id "gone"'),
    Case("dangling_edge", graph(*CONNECTED, NEAR_EDGE), "Start", "edges", 'Did you mean "Run", with the id "b"?'),
    Case("unreachable_block", graph(edge("start", "a")), "Run", None, "Connect it after a block that runs"),
    Case("unreachable_block", graph(edge("start", "b"), edge("a", "b")), "Ask", None, "or remove it"),
    Case(
        "unreachable_block",
        workflow(start(), block("a", name="Ask", enabled=False), block("b", name="Run"), edges=(*CONNECTED,)),
        "Run",
        None,
        'because "Ask" is disabled',
    ),
    Case("unknown_handle", graph(*CONNECTED, edge("a", "b", "eror")), "Ask", "edges", 'Did you mean "error"?'),
    Case("unknown_handle", graph(*CONNECTED, edge("start", "b", "error")), "Start", "edges", "Remove the edge"),
    Case(
        "unknown_handle",
        graph(
            *CONNECTED,
            edge("b", "c"),
            edge("c", "d", "condition-els"),
            blocks=(block("c", "condition", "Check", conditions=BRANCHES), block("d")),
        ),
        "Check",
        "edges",
        'Did you mean "condition-c-else"?',
    ),
    *(
        Case("several_starts", chain(start(), block("t", kind, "Other")), "Start", None, "Keep one.")
        for kind in ("api_trigger", "input_trigger", "start_trigger")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{number}" for number, case in enumerate(CASES)])
def test_a_wrong_workflow_is_named_with_block_setting_and_fix(case: Case) -> None:
    found = problems(compile_workflow(case.document), catalog=Catalog())
    named = [each for each in found if each.code == case.code]
    assert [(each.block_name, next(iter(each.fields), None)) for each in named] == [(case.block, case.setting)], found
    assert case.fix in named[0].message
    others = {each.code for each in found if each not in named}
    assert others <= {ProblemCode.UNSERVED_TRIGGER}, found


def test_each_rule_has_three_wrong_cases_of_its_severity() -> None:
    counts = Counter(case.code for case in CASES)
    assert not {rule.code for rule in RULES if counts[rule.code] < 3}
    assert min(counts.values()) >= 3
    errors = {
        each.code
        for case in CASES
        for each in problems(compile_workflow(case.document), catalog=Catalog())
        if each.severity is Severity.ERROR
    }
    assert errors == {
        ProblemCode.NO_START_BLOCK,
        ProblemCode.UNKNOWN_BLOCK_TYPE,
        ProblemCode.MISSING_FIELDS,
        ProblemCode.CYCLE,
        ProblemCode.UNDECIDED_REFERENCE,
    }


@pytest.mark.parametrize(
    "code",
    [
        "if True:  # why\n\n    # first\n    a = {\n  'b': [1,\n2]}\n    return a\nreturn 1",
        "def f(x):\n    return x[1:]\n\nfor i in range(3):\n\tprint(f(i))\nelse:\n    pass\nreturn {'a': 1}",
        "x = '''\n  text:\n'''\nif x: return 1\nreturn <start.amount>",
        "    return 1",
        "match <start.amount>:\n    case 1:\n        return 1\n    case _:\n        return lambda: 2",
    ],
)
def test_python_with_a_right_indentation_is_not_named(code: str) -> None:
    assert problems(compile_workflow(python(code)), catalog=Catalog()) == []


@pytest.mark.parametrize(
    "document",
    [
        one("agent", **AGENT, messages=[{"role": "user", "content": "Hi"}], maxTokens=10**400),
        one("response", dataMode="json", data="[draft] Hello"),
        one("response", dataMode="json", data='{"a": <start.amount>}'),
    ],
    ids=["many digits", "text in brackets", "JSON with a reference"],
)
def test_what_only_looks_wrong_is_not_named(document: JsonObject) -> None:
    assert problems(compile_workflow(document), catalog=Catalog()) == []
