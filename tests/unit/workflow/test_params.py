"""Only relevant settings become parameters, and missing required ones are named."""

import pytest
from tests.support.workflow_states import block, workflow

from shared.workflow.catalog import Catalog
from shared.workflow.compile.parameters import block_params, empty_fields, missing_fields, missing_fields_message
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.model_names import needs_key, provider_of
from shared.workflow.format.reader import read_state

CATALOG = Catalog()


def read(kind: str, **values: Json) -> tuple[JsonObject, list[str]]:
    return read_block(block("a", kind, "Agent 1", settings=values))


def read_block(document: JsonObject, keyed: frozenset[str] = frozenset()) -> tuple[JsonObject, list[str]]:
    found = read_state(workflow(document)).blocks["a"]
    spec = CATALOG.spec(found.type)
    assert spec is not None
    return block_params(found, spec), missing_fields(empty_fields(found, spec), keyed)


def test_settings_that_the_type_does_not_know_are_dropped() -> None:
    assert read("function", code="return 1", colour="red")[0] == {"code": "return 1", "language": "javascript"}


@pytest.mark.parametrize(
    ("kind", "defaults"),
    [
        ("function", {"language": "javascript"}),
        ("response", {"dataMode": "structured"}),
        ("wait", {"timeValue": "10", "timeUnit": "seconds"}),
        ("memory", {"operation": "add"}),
        ("api", {"method": "GET"}),
    ],
)
def test_run_time_defaults_are_filled_in(kind: str, defaults: JsonObject) -> None:
    assert read(kind)[0] == defaults


def test_a_setting_counts_only_while_its_condition_holds() -> None:
    pattern: JsonObject = {"input": "x", "regex": "a+", "piiMode": "mask"}
    assert read("guardrails", validationType="regex", **pattern)[0] == {
        "input": "x",
        "validationType": "regex",
        "regex": "a+",
    }
    assert "regex" not in read("guardrails", validationType="pii", **pattern)[0]


def test_a_condition_sees_run_time_defaults() -> None:
    assert read("response", builderData=[])[0] == {"dataMode": "structured", "builderData": []}
    assert read("response", builderData=[], dataMode="json")[0] == {"dataMode": "json"}


@pytest.mark.parametrize(
    ("data", "values", "chosen"),
    [
        ({}, {"workflowId": "basic", "manualWorkflowId": "manual"}, "basic"),
        ({}, {"manualWorkflowId": "manual"}, "manual"),
        ({"canonicalModes": {"workflowId": "advanced"}}, {"workflowId": "b", "manualWorkflowId": "m"}, "m"),
        ({"canonicalModes": {"workflowId": "basic"}}, {"workflowId": "b", "manualWorkflowId": "m"}, "b"),
    ],
)
def test_one_setting_of_a_pair_becomes_the_parameter(data: JsonObject, values: dict[str, Json], chosen: str) -> None:
    assert read_block(block("a", "workflow_input", data=data, settings=values)) == ({"workflowId": chosen}, [])


def test_advanced_mode_prefers_the_advanced_setting() -> None:
    document = {**block("a", "workflow", workflowId="b", manualWorkflowId="m"), "advancedMode": True}
    assert read_block(document)[0] == {"workflowId": "m"}


@pytest.mark.parametrize(
    ("kind", "values", "missing"),
    [
        ("agent", {}, ["Model"]),
        ("agent", {"model": ""}, ["Model"]),
        ("agent", {"model": "gpt-4o"}, ["API Key"]),
        ("agent", {"model": "gpt-4o", "apiKey": "{{KEY}}"}, []),
        ("agent", {"model": "vllm/test"}, []),
        ("agent", {"model": "<start.model>"}, []),
        ("agent", {"model": "vllm/test", "memoryType": "conversation"}, ["Conversation ID"]),
        ("api", {}, ["URL"]),
        ("api", {"url": "https://x.test"}, []),
        ("guardrails", {"input": "x", "validationType": "regex"}, ["Regex Pattern"]),
        ("guardrails", {"input": "x", "validationType": "json"}, []),
        ("evaluator", {"model": "claude-x"}, ["Evaluation Metrics", "Content", "API Key"]),
        ("workflow", {}, ["Workflow"]),
        ("memory", {"operation": "getAll"}, []),
        ("memory", {}, ["Conversation ID", "Role", "Content"]),
        ("mcp", {}, ["MCP Server", "Tool"]),
        ("function", {}, []),
    ],
)
def test_missing_required_settings_are_named(kind: str, values: dict[str, Json], missing: list[str]) -> None:
    assert read(kind, **values)[1] == missing


def test_a_key_of_the_server_makes_a_key_of_the_block_needless() -> None:
    assert read_block(block("a", "agent", model="gpt-4o"), frozenset({"openai"}))[1] == []
    assert read_block(block("a", "agent", model="claude-x"), frozenset({"openai"}))[1] == ["API Key"]


def test_the_sentence_names_block_and_fields() -> None:
    assert (
        missing_fields_message("Agent 1", ["Model", "API Key"]) == "Agent 1 is missing required fields: Model, API Key"
    )


@pytest.mark.parametrize(
    ("model", "provider", "wants_key"),
    [
        ("gpt-4o", "openai", True),
        ("o3-mini", "openai", True),
        ("claude-sonnet-4-5", "anthropic", True),
        ("gemini-2.5-pro", "google", True),
        ("vllm/gpt-oss", "vllm", False),
        ("litellm/claude", "litellm", False),
        ("openrouter/openai/gpt-4o", "openrouter", True),
        ("ollama-cloud/x", "ollama-cloud", True),
        ("deepseek-r1:8b", "ollama", False),
        ("llama3.2", "ollama", False),
        ("hf.co/gpt-neo", "ollama", False),
        ("bedrock/claude", "bedrock", False),
    ],
)
def test_the_name_of_a_model_determines_its_provider(model: str, provider: str, wants_key: bool) -> None:
    assert provider_of(model) == provider
    assert needs_key(model) is wants_key
