"""Validation reports settings at which every run would fail."""

import pytest
from tests.support.workflow_states import block, chain, start

from shared.contracts.problems import ProblemCode, Severity
from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE, NO_SKILLS, no_sandbox_for
from shared.workflow.validate.validator import problems

CHECK: JsonObject = {"input": "x", "validationType": "hallucination", "model": "echo", "knowledgeBaseId": "kb"}
NO_BEDROCK = "Models of bedrock cannot be called directly: set up a LiteLLM proxy, and name the model litellm/…"
NO_PROXY = "Calls through a proxy are not supported: remove the proxy URL"
UNKNOWN_LOOP = 'Unknown loop type: foreach. Did you mean "forEach"? Use one of: for, forEach, while, doWhile.'
NO_SERVER = "MCP servers are identified by their URL, and mcp-1a2b is not a URL"


def problems_of(kind: str, settings: JsonObject) -> list[tuple[ProblemCode, str, tuple[str, ...]]]:
    document = chain(start(), block("b", kind, "B", settings=settings))
    found = problems(compile_workflow(document), catalog=Catalog())
    return [(each.code, each.message, each.fields) for each in found if each.severity is Severity.ERROR]


def agent(tool: JsonObject) -> JsonObject:
    return {"model": "echo", "messages": [], "tools": [tool]}


def an_mcp_tool(server: Json, **more: Json) -> JsonObject:
    return {"type": "mcp", "title": "Search", "params": {"serverId": server, "toolName": "search"}, **more}


@pytest.mark.parametrize(
    ("kind", "settings", "sentence", "field"),
    [
        ("guardrails", CHECK, NO_KNOWLEDGE, "knowledgeBaseId"),
        ("function", {"language": "shell", "code": "echo 1"}, no_sandbox_for("shell"), "language"),
        ("function", {"language": ["python"], "code": ""}, no_sandbox_for("python"), "language"),
        ("mcp", {"server": "mcp-1a2b", "tool": "t"}, NO_SERVER, "server"),
        ("agent", agent(an_mcp_tool("mcp-1a2b")), NO_SERVER, "tools"),
        ("agent", {"model": "bedrock/<start.model>", "messages": []}, NO_BEDROCK, "model"),
        ("guardrails", {**CHECK, "knowledgeBaseId": "", "model": "Bedrock/claude"}, NO_BEDROCK, "model"),
        (
            "api",
            {"url": "https://a.example", "method": "GET", "proxyUrl": "http://proxy.example"},
            NO_PROXY,
            "proxyUrl",
        ),
        ("agent", {"model": "echo", "messages": [], "skills": [{"skillId": "s"}]}, NO_SKILLS, "skills"),
    ],
)
def test_unsupported_settings_are_refused(kind: str, settings: JsonObject, sentence: str, field: str) -> None:
    assert problems_of(kind, settings) == [(ProblemCode.UNSUPPORTED_SETTING, f"B: {sentence}", (field,))]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("guardrails", {**CHECK, "knowledgeBaseId": ""}),
        ("guardrails", {**CHECK, "validationType": "json", "model": "bedrock/claude"}),
        ("agent", {"model": "<start.model>", "messages": []}),
        ("agent", {"model": "litellm/bedrock/claude", "messages": []}),
        ("api", {"url": "https://a.example", "method": "GET", "proxyUrl": ""}),
        ("mcp", {"server": "https://tools.example/mcp", "tool": "t"}),
        ("mcp", {"server": "{{TOOLS_URL}}", "tool": "t"}),
        ("agent", agent(an_mcp_tool("https://tools.example/mcp"))),
        ("agent", agent(an_mcp_tool("mcp-1a2b", usageControl="none"))),
        ("agent", agent({"type": "mcp", "title": "No server yet"})),
        ("agent", {"model": "echo", "messages": [], "skills": []}),
    ],
)
def test_supported_settings_are_accepted(kind: str, settings: JsonObject) -> None:
    assert problems_of(kind, settings) == []


@pytest.mark.parametrize(
    ("kind", "data", "sentence", "field"),
    [
        ("loop", {"loopType": "foreach"}, UNKNOWN_LOOP, "loopType"),
        (
            "loop",
            {"count": "<start.n>"},
            'Loop count must be a number of zero or more, not "<start.n>". References are not filled in here: use a'
            " collection",
            "count",
        ),
        ("loop", {"loopType": "doWhile", "count": -1}, "Loop count must be a number of zero or more, not -1", "count"),
        ("loop", {"loopType": "doWhile", "doWhileCondition": "false", "count": "x"}, None, ""),
        ("parallel", {"count": -1}, "Parallel count must be a number of zero or more, not -1", "count"),
        ("parallel", {"parallelType": "collection", "count": -1, "collection": "[1]"}, None, ""),
        ("loop", {"loopType": "while", "count": "x"}, None, ""),
        ("loop", {"count": "3"}, None, ""),
    ],
)
def test_a_container_that_could_not_be_opened_is_refused(
    kind: str, data: JsonObject, sentence: str | None, field: str
) -> None:
    container, inside = block("l", kind, "L", data=data), block("f", data={"parentId": "l"})
    found = problems(compile_workflow(chain(start(), container, inside)), catalog=Catalog())
    errors = [(each.code, each.message, each.fields) for each in found if each.severity is Severity.ERROR]
    assert errors == ([] if sentence is None else [(ProblemCode.UNSUPPORTED_SETTING, f"L: {sentence}", (field,))])
