"""Mistakes of authors: each is named with its block, its setting and the nearest valid value."""

import json

import pytest
from tests.support.workflow_states import block, chain, edge, start, workflow

from shared.contracts.problems import Problem, Severity
from shared.workflow.catalog import Catalog
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.reader import read_state
from shared.workflow.validate.validator import problems

CODE = block("f", name="Score", code="return { score: <start.amount> };")
MODEL: JsonObject = {"model": "vllm/test", "messages": [{"role": "user", "content": "<start.question>"}]}
START = start({"name": "question", "type": "string"}, {"name": "amount", "type": "number", "value": "3"})


def condition(*entries: tuple[str, str, str]) -> JsonObject:
    stored: list[Json] = [{"id": key, "title": title, "value": value} for key, title, value in entries]
    return block("c", "condition", "Check", conditions=json.dumps(stored))


SERVER: JsonObject = {"serverUrl": "https://tools.example/mcp"}
MISTYPED: JsonObject = {"name": "x", "type": "strng", "value": "y"}
UPSIDE_DOWN: JsonObject = {"name": "tone", "range": {"min": 5, "max": 1}}
SPACED: JsonObject = {"cells": {"Key": "X", "Value": "{{ TOKEN }}"}}
COUNT: JsonObject = {"variables": {"v": {"name": "count"}}}
TOTAL: JsonObject = {"variables": {"v": {"name": "total", "type": "number", "value": 0}}}
TELL = block("r", "response", "Answer", settings={"dataMode": "json", "data": "<score.result>"})
BIG_OR_NOT = condition(("c-if", "if", "<score.result.score> > 1"), ("c-else", "else", ""))


def branching(handle: str | None, one: JsonObject = BIG_OR_NOT) -> JsonObject:
    return workflow(
        START,
        CODE,
        one,
        block("r", "response", "Big"),
        edges=(edge("start", "f"), edge("f", "c"), edge("c", "r", handle)),
    )


def api(**settings: Json) -> JsonObject:
    return block("a", "api", "Call", settings={"url": "https://example.com/", "method": "GET", **settings})


def agent(**settings: Json) -> JsonObject:
    return block("a", "agent", "Agent 1", settings={**MODEL, **settings})


def response(**settings: Json) -> JsonObject:
    return block("r", "response", "Answer", settings=settings)


def loop(**data: Json) -> JsonObject:
    inner = block("f", name="Score", code="return <loop.index>;", data={"parentId": "L"})
    edges = (edge("start", "L"), edge("L", "f", "loop-start-source"))
    return workflow(START, block("L", "loop", "Each", data={"loopType": "for", **data}), inner, edges=edges)


def tool(parameters: Json = None) -> JsonObject:
    """Return a tool with code: with parameters it has a name, too."""
    function: JsonObject = {"name": "add", "parameters": parameters} if parameters else {}
    return {"type": "custom-tool", "code": "return 1", "schema": {"function": function}}


parameters: JsonObject = {"type": "object", "properties": {"a": {"type": "text"}}}


def schema(*required: Json, **field: Json) -> JsonObject:
    """Return a response format with one field, `a`."""
    properties: JsonObject = {"a": {"type": "string", **field}}
    return {"name": "x", "schema": {"type": "object", "properties": properties, "required": [*required]}}


def header(key: str, value: str) -> JsonObject:
    return {"cells": {"Key": key, "Value": value}}


def found(document: JsonObject) -> list[Problem]:
    return problems(read_state(document), catalog=Catalog(), keyed_providers={"openai", "anthropic"})


def test_a_correct_workflow_has_no_problem() -> None:
    document = workflow(
        START,
        CODE,
        BIG_OR_NOT,
        agent(temperature="0.2", maxTokens=100, memoryType="none", reasoningEffort="auto"),
        response(dataMode="json", data='{"text": "<agent1.content>", "score": <score.result.score>}', status="201"),
        edges=(
            edge("start", "f"),
            edge("f", "c"),
            edge("c", "a", "condition-c-if"),
            edge("c", "r", "condition-c-else"),
            edge("a", "r"),
        ),
    )
    assert found(document) == []


@pytest.mark.parametrize(
    ("document", "code", "block_name", "field", "suggestion"),
    [
        (branching("if"), "unknown_handle", "Check", "edges", "condition-c-if"),
        (branching("condition-big-if"), "unknown_handle", "Check", "edges", "condition-c-if"),
        (branching("condition-els"), "unknown_handle", "Check", "edges", "condition-c-else"),
        (branching("source"), "unknown_handle", "Check", "edges", None),
        (workflow(START, CODE, edges=(edge("start", "f", "sorce"),)), "unknown_handle", "Start", "edges", "source"),
        (
            workflow(START, CODE, api(), edges=(edge("start", "f"), edge("f", "a", "err"))),
            "unknown_handle",
            "Score",
            "edges",
            "error",
        ),
        (workflow(START, edges=(edge("start", "Strt"),)), "dangling_edge", "Start", "edges", "start"),
        (chain(START, response(), CODE), "block_after_response", "Answer", "edges", None),
        (chain(START, response(status="banana")), "invalid_setting", "Answer", "status", None),
        (chain(START, response(status="700")), "invalid_setting", "Answer", "status", None),
        (chain(START, response(dataMode="jsn", data="{}")), "invalid_setting", "Answer", "dataMode", "json"),
        (chain(START, response(dataMode="json", data='{"a": 1,}')), "invalid_setting", "Answer", "data", None),
        (chain(START, agent(temprature=1)), "unknown_setting", "Agent 1", "temprature", "temperature"),
        (chain(START, agent(temperature=7)), "invalid_setting", "Agent 1", "temperature", None),
        (chain(START, agent(maxTokens="lots")), "invalid_setting", "Agent 1", "maxTokens", None),
        (chain(START, agent(memoryType="conversion")), "invalid_setting", "Agent 1", "memoryType", "conversation"),
        (chain(START, agent(responseFormat="{")), "invalid_setting", "Agent 1", "responseFormat", None),
        (chain(START, agent(messages=[{"role": "sytem"}])), "invalid_setting", "Agent 1", "messages", None),
        (chain(START, agent(model="gtp-4o")), "unknown_model", "Agent 1", "model", "gpt-4o"),
        (chain(START, agent(model="vlm/test")), "unknown_model", "Agent 1", "model", "vllm/test"),
        (chain(START, agent(promptCaching="maybe")), "invalid_setting", "Agent 1", "promptCaching", None),
        (chain(START, api(method="GTE")), "invalid_setting", "Call", "method", "GET"),
        (chain(START, api(url="example.com/x")), "invalid_setting", "Call", "url", None),
        (chain(START, api(body='{"a": }')), "invalid_setting", "Call", "body", None),
        (chain(START, api(retries="11")), "invalid_setting", "Call", "retries", None),
        (chain(START, block("w", "wait", "W", timeUnit="second")), "invalid_setting", "W", "timeUnit", "seconds"),
        (
            chain(START, block("w", "wait", "Pause", timeUnit="minutes", timeValue="6")),
            "invalid_setting",
            "Pause",
            "timeValue",
            None,
        ),
        (chain(start({"name": "n", "type": "nubmer"})), "invalid_input_field", "Start", "inputFormat", "number"),
        (chain(start({"name": "n"}, {"name": "n"})), "invalid_input_field", "Start", "inputFormat", None),
        (chain(start({"name": "n", "type": "array", "value": 1})), "invalid_input_field", "Start", "inputFormat", None),
        (chain(start({"name": "n", "typ": "number"})), "invalid_input_field", "Start", "inputFormat", "type"),
        (
            chain(START, block("f", name="Score", code="return <start.qestion>")),
            "unknown_field",
            "Score",
            "code",
            "<start.question>",
        ),
        (
            chain(START, agent(), response(dataMode="json", data='"<agent1.contnet>"')),
            "unknown_field",
            "Answer",
            "data",
            "<agent1.content>",
        ),
        (
            chain(START, agent(), response(dataMode="json", data='"<agnet1.content>"')),
            "unknown_reference",
            "Answer",
            "data",
            "<agent1.content>",
        ),
        (chain(START, api(url="https://x/<score.result>"), CODE), "early_reference", "Call", "url", None),
        (
            chain(START, block("f", name="Score", code="<start.amount> + 1"), TELL),
            "invalid_setting",
            "Score",
            "code",
            None,
        ),
        (
            branching("condition-c-if", condition(("c-if", "if", ""), ("c-else", "else", ""))),
            "invalid_setting",
            "Check",
            "conditions",
            None,
        ),
        (
            branching("condition-c-if", condition(("c-if", "if", "<score.result.score> = 3"))),
            "invalid_setting",
            "Check",
            "conditions",
            None,
        ),
        (
            branching("condition-a", condition(("b", "else", ""), ("a", "if", "true"))),
            "invalid_setting",
            "Check",
            "conditions",
            None,
        ),
        (branching("condition-a", condition(("a", "fi", "true"))), "invalid_setting", "Check", "conditions", None),
        (loop(cuont=3), "unknown_setting", "Each", "cuont", "count"),
        (loop(loopType="forEach"), "invalid_setting", "Each", "collection", None),
        (loop(loopType="forEach", collection="abc"), "invalid_setting", "Each", "collection", None),
        (chain(START, api(headers=[SPACED])), "invalid_setting", "Call", "headers", "{{TOKEN}}"),
        (
            chain(START, block("g", "guardrails", "Guard", input="x", validationType="regex", regex="(")),
            "invalid_setting",
            "Guard",
            "regex",
            None,
        ),
        (loop(loopType="forEach", collection=5), "invalid_setting", "Each", "collection", None),
        (loop(loopType="forEach", collection="<start.amount>"), "invalid_setting", "Each", "collection", None),
        (chain(START, agent(messages=[])), "invalid_setting", "Agent 1", "messages", None),
        (chain(START, agent(model=5)), "invalid_setting", "Agent 1", "model", None),
        (chain(START, agent(tools=[tool()])), "invalid_setting", "Agent 1", "tools", None),
        (chain(START, agent(tools=[{"type": "mcp", "params": {}}])), "invalid_setting", "Agent 1", "tools", None),
        (chain(START, agent(tools=[{"type": "mcp", "params": SERVER}])), "invalid_setting", "Agent 1", "tools", None),
        (chain(START, response(builderData=[{"value": "x"}])), "invalid_setting", "Answer", "builderData", None),
        (chain(START, response(builderData=[MISTYPED])), "invalid_setting", "Answer", "builderData", None),
        (chain(START, block("f", name="Score", code={"x": 1})), "invalid_setting", "Score", "code", None),
        (chain(start({"name": "my field"})), "invalid_input_field", "Start", "inputFormat", None),
        (chain(START, agent(tools=[tool(parameters)])), "invalid_setting", "Agent 1", "tools", None),
        (chain(START, agent(responseFormat=schema(type="text"))), "invalid_setting", "Agent 1", "responseFormat", None),
        (chain(START, agent(responseFormat=schema("b"))), "invalid_setting", "Agent 1", "responseFormat", None),
        (chain(START, agent(responseFormat=schema(["a"]))), "invalid_setting", "Agent 1", "responseFormat", None),
        (chain(START, agent(responseFormat=schema(enum="x"))), "invalid_setting", "Agent 1", "responseFormat", None),
        (chain(START, api(headers=[header("Content Type", "x")])), "invalid_setting", "Call", "headers", None),
        (chain(START, api(headers=[header("", "Bearer {{TOKEN}}")])), "invalid_setting", "Call", "headers", None),
        (chain(START, api(headers=[header("X", "a\nb")])), "invalid_setting", "Call", "headers", None),
        (
            chain(START, block("e", "evaluator", "Judge", content="x", model="vllm/m", metrics=[{"name": ""}])),
            "invalid_setting",
            "Judge",
            "metrics",
            None,
        ),
        (
            chain(START, block("e", "evaluator", "Judge", content="x", model="vllm/m", metrics=[UPSIDE_DOWN])),
            "invalid_setting",
            "Judge",
            "metrics",
            None,
        ),
        (chain(start({"name": "n", "type": "int"})), "invalid_input_field", "Start", "inputFormat", "number"),
        (chain(start({"name": "stream", "type": "boolean"})), "invalid_input_field", "Start", "inputFormat", None),
        (chain(start({"name": "executionId"})), "invalid_input_field", "Start", "inputFormat", None),
        (chain(start({"name": "n", "required": "maybe"})), "invalid_input_field", "Start", "inputFormat", None),
        (chain(START, response(headers=[header("Set-Cookie", "a=b")])), "invalid_setting", "Answer", "headers", None),
        (chain(START, response(builderData={"a": "<start.amount>"})), "invalid_setting", "Answer", "builderData", None),
        (chain(START, api(timeout=20)), "invalid_setting", "Call", "timeout", None),
        (
            chain(START, agent(responseFormat={"name": "x", "schema": {"properties": {"model": {"type": "string"}}}})),
            "invalid_setting",
            "Agent 1",
            "responseFormat",
            None,
        ),
        (chain(START, block("f", name="Score", code=42)), "invalid_setting", "Score", "code", None),
        (
            branching("condition-c-if", condition(("c-if", "if", "<score.result.score> => 3"))),
            "invalid_setting",
            "Check",
            "conditions",
            None,
        ),
        (loop(count="1.5"), "invalid_setting", "Each", "count", None),
        (loop(count=100_000_000), "invalid_setting", "Each", "count", None),
        (loop(count=10**400), "invalid_setting", "Each", "count", None),
        (
            chain(START, api(headers=[header("X", "{{MY TOKEN}}")])),
            "invalid_setting",
            "Call",
            "headers",
            "{{MY_TOKEN}}",
        ),
        (
            {**chain(START, block("v", "variables", "Set", variables=[{"name": "count", "value": 1}])), **COUNT},
            "invalid_setting",
            "Set",
            "variables",
            None,
        ),
        (
            {**chain(START, block("v", "variables", "Set", variables={"count": "<start.amount>"})), **COUNT},
            "invalid_setting",
            "Set",
            "variables",
            None,
        ),
        (
            {
                **chain(START, block("v", "variables", "Set", variables=[{"variableName": "total", "value": "many"}])),
                **TOTAL,
            },
            "invalid_setting",
            "Set",
            "variables",
            None,
        ),
        (
            {**chain(START, block("v", "variables", "Set", variables=[{"variableName": "cuont"}])), **COUNT},
            "invalid_setting",
            "Set",
            "variables",
            "count",
        ),
    ],
)
def test_a_mistake_is_named_with_its_block_and_its_fix(
    document: JsonObject, code: str, block_name: str, field: str, suggestion: str | None
) -> None:
    warned = found(document)
    assert [(each.code, each.block_name, each.fields[:1], each.suggestion) for each in warned] == [
        (code, block_name, (field,), suggestion)
    ]
    assert warned[0].severity is Severity.WARNING
    assert suggestion is None or f'Did you mean "{suggestion}"?' in warned[0].message


@pytest.mark.parametrize(
    ("text", "code", "suggestion"),
    [
        ("Order <start.question", "unknown_reference", "<start.question>"),
        ("Order <start.question: <start.amount>", "unknown_reference", "<start.question>"),
        ("Order < start.question >", "unknown_reference", "<start.question>"),
        ("Order ${start.question}", "unknown_reference", "<start.question>"),
        ("Order {{start.question}}", "unknown_reference", "<start.question>"),
        ("Order {{ start.question }}", "unknown_reference", "<start.question>"),
        ("Token {{TOKEN", "invalid_setting", "{{TOKEN}}"),
        ("Token {{ TOKEN of <start.question>", "invalid_setting", "{{TOKEN}}"),
        ("Token {{TOKEN} here", "invalid_setting", "{{TOKEN}}"),
    ],
)
def test_text_that_is_almost_a_reference_is_named(text: str, code: str, suggestion: str) -> None:
    (problem,) = found(chain(START, agent(messages=[{"role": "user", "content": text}])))
    assert (problem.code, problem.block_name, problem.fields) == (code, "Agent 1", ("messages",))
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> and <start.question>",
        "if a < start and b > c",
        "<stop.question is no block",
        '{"a": {"b": {"c": 1}}} and {{name of a template}} and {{#if x}}',
        "price: ${amount} and ${other.amount}",
        "f({{x: 1}, {y: 2}})",
        "token: ${{ secrets.TOKEN }} and ${{ steps.build.outputs.url }}",
        r"\input{start.tex}",
        "{loop.index} and {{ loop.index }}",
        "From: Me <me@example.com>, version <2.0.1>",
    ],
)
def test_other_text_with_the_same_marks_is_not_judged(text: str) -> None:
    assert found(chain(START, agent(messages=[{"role": "user", "content": text}]))) == []


def test_a_field_below_the_result_of_a_function_is_named_with_its_path() -> None:
    (problem,) = found(chain(START, CODE, response(dataMode="json", data='"<score.total>"')))
    assert (problem.code, problem.suggestion) == ("unknown_field", "<score.result.total>")


@pytest.mark.parametrize(
    ("code", "line", "cause"),
    [
        ("a = 1\n  return a", 2, "no block begins above it"),
        ("if <start.amount>:\nreturn 1", 2, "an indented block is missing"),
        ("if True:\n    a = 1\n  return a", 3, "matches no outer indentation"),
    ],
)
def test_a_wrong_indentation_is_named_with_its_line(code: str, line: int, cause: str) -> None:
    (problem,) = found(chain(START, block("f", name="Score", language="python", code=code)))
    assert (problem.code, problem.line) == ("code_syntax", line)
    assert cause in problem.message


@pytest.mark.parametrize(
    "code",
    [
        "if True:  # why\n\n    # first\n    a = {\n  'b': [1,\n2]}\n    return a\nreturn 1",
        "def f(x):\n    return x[1:]\n\nfor i in range(3):\n\tprint(f(i))\nelse:\n    pass\nreturn {'a': 1}",
        "x = '''\n  text:\n'''\nif x: return 1\nreturn <start.amount>",
        "class A:\n    b: int = 1\n\n    def c(self): return self.b\nreturn A().c()",
        "    return 1",
        "match <start.amount>:\n    case 1:\n        return 1\n    case _:\n        return lambda: 2",
        "if True:\n    return 1\n# end\n",
    ],
)
def test_a_right_indentation_is_not_judged(code: str) -> None:
    assert found(chain(START, block("f", name="Score", language="python", code=code))) == []


def test_two_variables_of_one_name_are_named() -> None:
    both: JsonObject = {"variables": {key: {"name": "count", "type": "number", "value": 1} for key in "ab"}}
    (problem,) = found({**chain(START), **both})
    assert (problem.code, problem.fields) == ("invalid_input_field", ("variables", "count"))


def test_a_misspelled_type_of_a_tool_is_named_with_the_nearest_one() -> None:
    (problem,) = found(chain(START, agent(tools=[{"type": "custm-tool"}])))
    assert problem.suggestion == "custom-tool"


def test_a_note_may_name_anything() -> None:
    note = block("n", "note", "Note", settings={"content": "<stop.here>, and <score.reslt> later"})
    assert found(workflow(START, CODE, note, edges=(edge("start", "f"),))) == []


@pytest.mark.parametrize("kind", ["webhook", "delay", "llm"])
def test_a_tool_of_another_system_is_not_named_as_a_block_that_no_model_can_call(kind: str) -> None:
    document = chain(START, agent(tools=[{"type": kind}]))
    (refused,) = problems(read_state(document), keyed_providers=set())
    assert refused.suggestion is None


@pytest.mark.parametrize(
    "pattern",
    ["(" * 3000 + ")" * 3000, "a{99999999999999999999}", "(?a)(?u)x", "[a--b]", "[[a]", r"\(([^[:space:])]+)\)"],
)
def test_a_pattern_beyond_the_limits_of_the_check_is_not_judged(pattern: str) -> None:
    guard = block("g", "guardrails", "Guard", settings={"input": "x", "validationType": "regex", "regex": pattern})
    assert found(chain(START, guard)) == []


def test_a_number_with_hundreds_of_digits_is_checked() -> None:
    assert found(chain(START, agent(maxTokens=10**400))) == []


def test_loops_inside_each_other_are_refused() -> None:
    inside = [
        block(key, "loop", key, data={"loopType": "for", "parentId": parent})
        for key, parent in (("A", "B"), ("B", "A"))
    ]
    reader = block("r", "function", "Reader", code="return <score.result>", data={"parentId": "A"})
    document = workflow(START, CODE, *inside, reader, edges=(edge("start", "f"), edge("f", "r")))
    assert any(each.severity is Severity.ERROR for each in problems(read_state(document)))


def test_an_expression_of_many_spaces_is_checked() -> None:
    expression = " " * 200_000 + "a;b"
    warned = found(chain(START, condition(("c-if", "if", expression), ("c-else", "else", ""))))
    assert [each.fields[:1] for each in warned] == [("conditions",)]


@pytest.mark.parametrize(
    ("field", "cause"),
    [
        ({"type": "array"}, "properties.a is an array without items."),
        ({"type": "array", "items": {"type": "array"}}, "properties.a.items is an array without items."),
        ({"type": "string", "required": True}, "properties.a must be a list of names."),
    ],
)
@pytest.mark.parametrize(("model", "is_refused"), [("gpt-5-mini", True), ("vllm/test", False)])
def test_a_schema_that_openai_refuses_is_named_for_its_models(
    field: JsonObject, cause: str, model: str, is_refused: bool
) -> None:
    schema: JsonObject = {"type": "object", "properties": {"a": field}, "required": ["a"]}
    function: JsonObject = {"name": "look_up", "parameters": schema}
    tool: JsonObject = {"type": "custom-tool", "title": "t", "code": "return a", "schema": {"function": function}}
    for settings in ({"responseFormat": schema}, {"tools": [tool]}):
        messages = [each.message for each in found(chain(START, agent(model=model, **settings)))]
        assert [cause in each for each in messages] == [True] * is_refused


def test_a_schema_for_openai_may_declare_entries_elsewhere() -> None:
    fields: JsonObject = {"a": {"$ref": "#/$defs/a"}, "b": {"type": "array", "items": {"type": "string"}}}
    defined: JsonObject = {"a": {"type": "array", "items": {}}}
    schema: JsonObject = {"type": "object", "properties": fields, "required": ["a", "b"], "$defs": defined}
    assert found(chain(START, agent(model="gpt-5-mini", responseFormat=schema))) == []


def test_a_schema_with_a_long_name_has_short_messages() -> None:
    schema: JsonObject = {"properties": {"x" * 10_000: {"properties": {"y": {"type": "strng"}}}}}
    (problem,) = found(chain(START, agent(responseFormat={"name": "x", "schema": {"type": "object", **schema}})))
    assert len(problem.message) < 300


def test_a_schema_that_is_nested_too_deeply_is_not_judged() -> None:
    deep = '{"properties": {"a": ' * 60 + '{"type": "text"}' + "}}" * 60
    assert found(chain(START, agent(responseFormat=deep))) == []


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("const words = [1];\nreturn word.length", 2, '"word" is not defined. Did you mean "words"?'),
        ("let sum = 0;\nfor (const n of [1]) sum += n;\nreturn smu", 3, 'Did you mean "sum"?'),
        ("return require('fs')", 1, "packages are not available"),
        ("setTimeout(() => 1, 10);\nreturn 1", 1, "timers are not available"),
        ("return new URL(<start.question>)", 1, "set language to python and import urllib.parse"),
        ("import fs from 'fs';\nreturn fs", None, "the code has an import statement"),
    ],
)
def test_names_that_do_not_exist_in_code_are_reported(code: str, line: int | None, message: str) -> None:
    (problem,) = found(chain(START, block("f", name="Score", code=code)))
    assert (problem.code, problem.fields, problem.line) == ("invalid_setting", ("code",), line)
    assert message in problem.message


@pytest.mark.parametrize(
    "code",
    [
        "const {a, b: [c, ...d], e = 1} = <start.question>;\nreturn a + c + d + e",
        "function f(x, {y}, ...z) { return x + y + z + arguments.length }\nreturn f(1, {y: 2})",
        "class A { n = 1; get m() { return this.n } }\nreturn new A().m",
        "try { JSON.parse('') } catch (error) { console.log(error.message) }\nreturn (await fetch('https://x')).ok",
        "const total = 1; label: for (const [k, v] of Object.entries({total})) { if (k) break label; return v }",
        "total = 5; return total + (typeof maybe === 'undefined' ? 0 : maybe)",
        "globalThis.helper = 1; return helper",
        "const f = async x => await x; return f(environmentVariables.A).then(({b}) => b)",
        "var i; for (i in <start.question>) { i += 1 } return `${i} of ${<start.amount>} with URL`",
        "return <start.amount> >= 1 ? undefined : NaN",
    ],
)
def test_names_that_exist_in_code_are_not_reported(code: str) -> None:
    assert found(chain(START, block("f", name="Score", code=code))) == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("total = 1\nreturn totl", 'line 2 of the code: "totl" is not defined. Did you mean "total"?'),
        ("return json.dumps(1)", 'line 1 of the code: "json" does not exist here: add the line: import json.'),
        (
            "import requests\nreturn requests.get('https://x')",
            'line 1 of the code: the package "requests" is not available',
        ),
        ("return null", 'Did you mean "None"?'),
        ("return [x for x in range(3) if y]", '"y" is not defined'),
    ],
)
def test_names_that_do_not_exist_in_python_are_reported(code: str, message: str) -> None:
    (problem,) = found(chain(START, block("f", name="Score", language="python", code=code)))
    assert (problem.code, problem.fields) == ("invalid_setting", ("code",))
    assert message in problem.message


@pytest.mark.parametrize(
    "code",
    [
        "import json, re as r, xml.etree.ElementTree as ET\nfrom math import (pi, sqrt as root)\n"
        "return json.dumps([r.escape('a'), ET.Element('b').tag, pi, root(4), xml])",
        "def f(a, /, b=1, *args, c: int = 2, **kw) -> dict:\n    global seen\n    seen = a\n"
        "    return dict(a=a, b=b, args=args, c=c, kw=kw)\nreturn f(<start.amount>, c=3)",
        "class A:\n    x: int = 1\n    @property\n    def y(self): return self.x\n    @staticmethod\n"
        "    def z(): return A\nreturn A().y",
        "try:\n    a = int(<start.question>)\nexcept (ValueError, TypeError) as error:\n    a = str(error)\n"
        "else:\n    a += 1\nfinally:\n    print('done', file=None)\nreturn a",
        "match <start.amount>:\n    case 1 | 2 as small:\n        return small\n    case {'a': first, **rest}:\n"
        "        return first, rest\n    case [head, *tail]:\n        return head, tail\n    case a:\n        return a",
        "with open('/dev/null') as first, open('/dev/null') as second:\n    return first.name + second.name",
        "pairs = {k: v for k, v in params.items() if (n := len(k)) > 1}\nreturn pairs, n, {w for w in 'ab'}",
        "f = lambda x, *y, z=1: (x, y, z)\nreturn f(1), f'{<start.question>!r:>{10}} {__name__} {sim.files}'",
        "for i, (a, b) in enumerate([(1, 2)]):\n    continue\nwhile False:\n    break\nreturn i, a, b, NotImplemented",
        "from math import *\nreturn sin(1)",
        "exec('a = 1')\nreturn a",
        "async def f():\n    async for x in y():\n        await x\nasync def y():\n    yield 1\nreturn f.__name__",
        "__sim_result__ = environmentVariables.get('A')",
        "def outer():\n    total = 0\n    def inner():\n        nonlocal total\n        total += 1\n"
        "        return total\n    return inner\nreturn outer()()",
        "def f():\n    x: List[float] = []\n    return x\ny: Optional[int] = None\nreturn f(), y",
        "from __future__ import annotations\ndef f(x: List[int]): return x\nreturn f([1])",
        "type Number = int\nreturn 1",
        "class A:\n    def f(self): return __class__\nreturn A().f()",
        "try:\n    import ujson as json\nexcept ImportError:\n    import json\nreturn json.dumps(1)",
        "x = [1]\nx[0], y = 2, 3\ndel x[0]\nassert y, 'no'\nreturn y if x else -y",
    ],
)
def test_names_that_exist_in_python_are_not_reported(code: str) -> None:
    assert found(chain(START, block("f", name="Score", language="python", code=code))) == []


def test_the_code_of_a_tool_reads_its_parameters() -> None:
    properties: JsonObject = {"a": {"type": "string"}}
    function: JsonObject = {"name": "add", "parameters": {"type": "object", "properties": properties}}
    given: JsonObject = {"type": "custom-tool", "code": "return a + b + params.c", "schema": {"function": function}}
    (problem,) = found(chain(START, agent(tools=[given])))
    assert (problem.fields, problem.line) == (("tools", "0", "code"), 1)
    assert '"b" is not defined' in problem.message


@pytest.mark.parametrize(("language", "meant"), [("py", "python"), ("js", "javascript"), ("pythn", "python")])
def test_another_name_of_a_language_is_named_with_the_right_one(language: str, meant: str) -> None:
    (problem,) = found(chain(START, block("f", name="Score", language=language, code="return 1")))
    listed = "Use one of: javascript, python."
    assert problem.message == f'Score: language is "{language}". Did you mean "{meant}"? {listed}'


def test_code_in_the_other_language_is_named_with_it() -> None:
    (problem,) = found(chain(START, block("f", name="Score", code="def f(x):\n    return x\nreturn f(1)")))
    assert problem.message.endswith('Is the language "python"?')
    (problem,) = found(chain(START, block("f", name="Score", language="python", code="const a = 1; return a")))
    assert problem.message.endswith('Is the language "javascript"?')


def test_code_that_does_not_parse_is_named_with_its_position() -> None:
    (problem,) = found(chain(START, block("f", name="Score", code="const a = 1;\nreturn a +;")))
    assert (problem.code, problem.fields, problem.line) == ("code_syntax", ("code",), 2)


def test_a_misspelled_block_type_is_refused_with_the_nearest_one() -> None:
    (problem,) = found(chain(START, block("f", "funtion", "Score")))
    assert problem.severity is Severity.ERROR
    assert problem.message == 'Score: Invalid block type: funtion. Did you mean "function"?'


def test_all_mistakes_are_listed_at_once() -> None:
    writer = {**agent(model="gtp-4o"), "id": "b"}
    document = chain(START, api(method="GTE", retries="11", urll="x"), writer, response(status="banana"))
    assert [problem.fields[:1] for problem in found(document)] == [
        (key,) for key in ("urll", "method", "retries", "status", "model")
    ]


def test_values_of_references_are_not_checked() -> None:
    document = chain(START, api(method="<start.question>", timeout="<start.amount>"), response(status="{{STATUS}}"))
    assert found(document) == []


def test_a_loop_may_read_what_an_earlier_iteration_left() -> None:
    first = block("f", name="First", code="return <second.result>", data={"parentId": "L"})
    second = block("g", name="Second", code="return 1", data={"parentId": "L"})
    edges = (edge("start", "L"), edge("L", "f", "loop-start-source"), edge("f", "g"))
    assert found(workflow(START, block("L", "loop", "Each"), first, second, edges=edges)) == []


def test_the_error_of_a_block_is_a_field_only_where_it_is_handled() -> None:
    handler = response(dataMode="json", data='"<call.error>"')
    edges = (edge("start", "a"), edge("a", "r", "error"))
    assert found(workflow(START, api(), handler, edges=edges)) == []
    assert [problem.code for problem in found(chain(START, api(), handler))] == ["unknown_field"]


def test_an_edge_to_the_name_of_a_block_is_named_with_its_id() -> None:
    document = workflow(START, CODE, edges=(edge("start", "Score"),))
    assert [each.suggestion for each in found(document) if each.code == "dangling_edge"] == ["f"]


def two_agents(model: str, other: str) -> JsonObject:
    second = block("b", "agent", "Agent 2", settings={**MODEL, "model": other})
    return chain(START, agent(model=model), second)


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("gpt-4o", "gpt-4p"),
        ("gpt-4o-mini", "gpt-4o-mni"),
        ("gpt-4o-mini", "gpt-4o-miini"),
        ("claude-sonnet-4-5", "claude-sonent-4-5"),
    ],
)
def test_a_model_that_is_misspelled_beside_the_right_one_is_named(model: str, other: str) -> None:
    (problem,) = found(two_agents(model, other))
    assert (problem.block_name, problem.suggestion) == ("Agent 2", model)
    assert f'"{other}" is not listed, and "{model}" of "Agent 1" is.' in problem.message


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("gpt-4o", "gpt-4"),
        ("gpt-4o", "gpt-4.5"),
        ("gpt-4o", "Gpt-4o"),
        ("gpt-4.1", "gpt-4.2"),
        ("gpt-4o", "gpt-4o-minis"),
        ("claude-sonnet-4-5", "claude-sonnet-4-9"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5x"),
        ("vllm/test", "vllm/tent"),
        ("echo", "gpt-5"),
        ("gpt-5-mini", "gpt-5-nano"),
    ],
)
def test_another_model_or_version_is_no_misspelled_one(model: str, other: str) -> None:
    assert found(two_agents(model, other)) == []


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("claude-sonet-4-5", "claude-sonnet-4-5"),
        ("claude-hiaku-9-1", "claude-haiku-9-1"),
        ("gemini-2.5-flahs", "gemini-2.5-flash"),
        ("gpt-5-mnii", "gpt-5-mini"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("gpt-4-1-mini", "gpt-4.1-mini"),
    ],
)
def test_a_model_with_a_misspelled_word_or_version_is_named(model: str, meant: str) -> None:
    (problem,) = found(chain(START, agent(model=model, apiKey="{{KEY}}")))
    assert problem.message == f'Agent 1: the model "{model}" is not listed. Did you mean "{meant}"?'


@pytest.mark.parametrize(
    "model",
    [
        *("gpt-6", "gpt-5.10", "gpt-6-lune", "gpt-6-astro", "gpt-6.1-solar", "gpt-5.4-nanos", "gpt-4-turbo-2024-04-09"),
        *("claude-opus-5-20261101", "claude-3-5-sonnet-20241022", "claude-sonata-6", "claude-opus-latest"),
        *("gemini-4-neon", "gemini-4-argonaut", "openrouter/anthropic/claude-sonet-4", "azure/gpt-5-mnii"),
    ],
)
def test_a_newer_model_or_one_of_another_server_is_no_misspelled_one(model: str) -> None:
    assert found(chain(START, agent(model=model, apiKey="{{KEY}}"))) == []


@pytest.mark.parametrize(
    ("kind", "escape", "is_named"), [("object", False, True), ("object", True, False), ("string", False, False)]
)
def test_an_object_in_quotes_breaks_a_json_body(kind: str, escape: bool, is_named: bool) -> None:
    call = api(method="POST", body='{"who": "<start.who>"}', escapeValues=escape)
    messages = [each.message for each in found(chain(start({"name": "who", "type": kind}), call))]
    text = "Call: body: <start.who> is an object, whose quotes end the text around it. Write it without quotes."
    assert messages == [text] * is_named
