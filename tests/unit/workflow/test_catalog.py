"""The catalog describes each block type's inputs, outputs and permissions, plugins included."""

from importlib.metadata import EntryPoint

import pytest
from tests.support.workflow_states import block, start, workflow

from shared.contracts.problems import ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog, Effect, UnsupportedBlock, installed_catalog
from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW, WRITES_TEXT
from shared.workflow.catalog.logic import code_text
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.reader import read_state
from shared.workflow.format.response_format import ResponseFormat, read_response_format

CATALOG = Catalog()
ANSWER = ["content", "model", "tokens", "toolCalls", "providerTiming", "cost"]
HERE = "tests.unit.workflow.test_catalog"


class Shout:
    """Return a block as a plugin offers it."""

    spec = BlockSpec(type="shout", title="Shout")


class NoSpec:
    """A plugin without a spec."""

    spec = "shout"


class Broken:
    """A plugin that fails on access."""

    @property
    def spec(self) -> BlockSpec:
        raise RuntimeError("no licence")


BROKEN = Broken()


def plugin(name: str, target: str) -> EntryPoint:
    return EntryPoint(name, f"{HERE}:{target}", "flowport.blocks")


def spec(kind: str) -> BlockSpec:
    found = CATALOG.spec(kind)
    assert found is not None
    return found


def outputs(document: JsonObject) -> list[str]:
    found = next(iter(read_state(workflow(document)).blocks.values()))
    return list(spec(found.type).declared_outputs(found))


def test_typed_times_have_a_unit() -> None:
    settings = [each for spec in CORE_BLOCKS for each in spec.sub_blocks]
    typed = [each for each in settings if each.id == "timeout" or each.id.endswith("Ms")]
    assert {each.id: each.title for each in typed if "(ms)" not in each.title} == {}


def test_a_type_is_listed_once_and_its_settings_have_unique_ids() -> None:
    assert len({each.type for each in CORE_BLOCKS}) == len(CORE_BLOCKS)
    for each in CORE_BLOCKS:
        assert len({setting.id for setting in each.sub_blocks}) == len(each.sub_blocks), each.type


def test_documented_types_exist() -> None:
    assert {each.type for each in CORE_BLOCKS} >= WRITES_TEXT | CALLS_A_WORKFLOW


def test_conditions_speak_of_settings_of_the_same_type() -> None:
    for each in CORE_BLOCKS:
        ids = {setting.id for setting in each.sub_blocks}
        assert {setting.condition.field for setting in each.sub_blocks if setting.condition} <= ids, each.type


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        (block("a"), ["result", "stdout"]),
        (block("a", "agent"), ANSWER),
        (block("a", "agent", responseFormat='{"type":"object","properties":{"label":{}}}'), ["label"]),
        (
            block("a", "agent", responseFormat="{"),
            ANSWER,
        ),
        (start({"name": "n", "type": "number"}), ["input", "conversationId", "files", "n"]),
        (start(kind="starter"), ["input", "conversationId"]),
        (start({"name": "n"}, kind="api_trigger"), ["input", "n"]),
        (start(runMetadata=True), ["input", "conversationId", "files", "metadata"]),
        (block("a", "variables", variables=[{"variableName": "x"}, {"variableName": ""}, "?"]), ["x"]),
        (block("a", "evaluator", metrics=[{"name": "Tone"}]), ["content", "model", "tokens", "cost", "tone"]),
        (block("a", "loop"), ["results"]),
        (block("a", "schedule", inputFormat=[{"name": "n"}]), ["n"]),
        (
            block("a", "human_in_the_loop", inputFormat=[{"name": "ok"}]),
            ["url", "resumeEndpoint", "response", "submission", "resumeInput", "submittedAt", "ok"],
        ),
    ],
)
def test_outputs_are_declared_as_references_may_ask_for_them(document: JsonObject, fields: list[str]) -> None:
    assert outputs(document) == fields


@pytest.mark.parametrize(
    ("kind", "params", "effect"),
    [
        ("function", {"code": "return 1"}, Effect.PURE),
        ("function", {"code": "await fetch(u)", "language": "javascript"}, Effect.OUTSIDE),
        ("function", {"code": [{"content": "await fetch(u)"}]}, Effect.OUTSIDE),
        ("function", {"code": "fetch(u)", "language": "python"}, Effect.PURE),
        ("agent", {"model": "m"}, Effect.REPEATABLE),
        ("agent", {"tools": [{"type": "x", "usageControl": "none"}]}, Effect.REPEATABLE),
        ("agent", {"tools": [{"type": "x"}]}, Effect.OUTSIDE),
        ("agent", {"tools": '[{"type": "x"}]'}, Effect.OUTSIDE),
        ("api", {"method": "get"}, Effect.REPEATABLE),
        ("api", {"method": "PUT"}, Effect.REPEATABLE),
        ("api", {"method": "POST"}, Effect.OUTSIDE),
        ("api", {}, Effect.OUTSIDE),
        ("webhook_request", {}, Effect.OUTSIDE),
        ("memory", {"operation": "add"}, Effect.OUTSIDE),
        ("memory", {"operation": "get"}, Effect.REPEATABLE),
        ("condition", {}, Effect.PURE),
        ("evaluator", {}, Effect.REPEATABLE),
    ],
)
def test_the_effect_of_a_block_is_known_before_it_runs(kind: str, params: JsonObject, effect: Effect) -> None:
    assert spec(kind).effect_with(params) is effect


@pytest.mark.parametrize("kind", ["start_trigger", "loop", "parallel", "note", "human_in_the_loop"])
def test_some_types_are_never_retried(kind: str) -> None:
    assert not spec(kind).retryable


def test_an_unknown_type_is_refused_by_name_and_with_a_way_out() -> None:
    """Integrations of other companies: importing a workflow from Sim meets this first."""
    refusal = CATALOG.find("gmail_v2")
    assert isinstance(refusal, UnsupportedBlock)
    assert refusal.reason is ProblemCode.UNKNOWN_BLOCK_TYPE
    assert refusal.message.startswith("Invalid block type: gmail_v2;")
    assert "API block" in refusal.message
    assert CATALOG.spec("gmail_v2") is None


@pytest.mark.parametrize("kind", ["knowledge", "table"])
def test_a_type_that_is_not_offered_is_refused_with_a_way_out(kind: str) -> None:
    refusal = CATALOG.find(kind)
    assert isinstance(refusal, UnsupportedBlock)
    assert refusal.reason is ProblemCode.UNSUPPORTED_BLOCK_TYPE
    assert "API block" in refusal.message


def test_a_plugin_is_found_by_its_type() -> None:
    catalog = Catalog(plugins=[plugin("shout", "Shout")])
    assert catalog.find("shout") is Shout.spec
    assert Shout.spec in list(catalog)


@pytest.mark.parametrize(
    ("name", "target", "cause"),
    [
        ("shout", "NoSpec", "its spec is a str, not a BlockSpec"),
        ("other", "Shout", "its spec describes the type shout"),
        ("shout", "BROKEN", "RuntimeError: no licence"),
        ("shout", "Nothing", "AttributeError"),
        ("shout", "", "AttributeError"),
    ],
)
def test_a_plugin_that_cannot_be_used_harms_only_its_own_blocks(name: str, target: str, cause: str) -> None:
    catalog = Catalog(plugins=[plugin(name, target)])
    refusal = catalog.find(name)
    assert isinstance(refusal, UnsupportedBlock)
    assert refusal.reason is ProblemCode.BROKEN_BLOCK_PLUGIN
    assert f"The plugin for block type {name}" in refusal.message
    assert cause in refusal.message
    assert [each.type for each in catalog] == [each.type for each in CORE_BLOCKS]


def test_a_plugin_never_replaces_a_core_type() -> None:
    assert Catalog(plugins=[plugin("agent", "Shout")]).find("agent") is spec("agent")


def test_one_catalog_serves_the_process() -> None:
    assert installed_catalog() is installed_catalog()


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ('{"name":"n","schema":{"type":"object"},"strict":false}', ResponseFormat("n", {"type": "object"}, False)),
        ({"schema": {"type": "object"}}, ResponseFormat("response_schema", {"type": "object"})),
        ({"json_schema": {"name": "n", "schema": {"a": 1}}}, ResponseFormat("n", {"a": 1})),
        ('{"type":"object"}', ResponseFormat("response_schema", {"type": "object"})),
        ("<start.format>", None),
        ("[]", None),
        ("", None),
        ({}, None),
        (None, None),
    ],
)
def test_a_response_format_is_a_named_or_a_bare_schema(stored: Json, read: ResponseFormat | None) -> None:
    assert read_response_format(stored) == read


@pytest.mark.parametrize(
    ("stored", "code"), [("a", "a"), ([{"content": "a"}, {"content": "b"}, "c", {}], "a\nb"), (None, ""), (5, "")]
)
def test_code_may_be_stored_in_pieces(stored: Json, code: str) -> None:
    assert code_text(stored) == code
