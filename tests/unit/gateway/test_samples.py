"""Code samples: every mode in every language, safe to paste whatever names a workflow's author chose."""

import ast
import itertools
import shlex
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER
from tests.support.workflow_files import START, agent, function, start, workflow

from gateway.workflows.interface import example_of
from gateway.workflows.samples import Api, Language, Mode, Sample, Step, python_literal, samples_of
from shared.contracts.deployments import Draft
from shared.workflow.format.input_format import InputField
from shared.workflow.format.js_values import JsonObject

BASE = "https://flow.example"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def write(
    body: JsonObject, *, is_public: bool = False, selected: tuple[str, ...] = (), api: Api = Api.LEGACY
) -> list[Sample]:
    key = "sk-sim-...abcd"
    return list(samples_of(BASE, "W", body, selected_outputs=selected, masked_key=key, is_public=is_public, api=api))


def code(samples: list[Sample], mode: Mode, language: Language, step: Step = Step.EXECUTE) -> str:
    return next(one.code for one in samples if (one.mode, one.step, one.language) == (mode, step, language))


@pytest.mark.parametrize("api", Api)
def test_every_step_has_a_sample_in_every_language(api: Api) -> None:
    found = {(one.mode, one.step, one.language) for one in write({"q": 1}, api=api)}
    steps = [(Mode.SYNC, Step.EXECUTE), (Mode.STREAM, Step.EXECUTE), *((Mode.ASYNC, step) for step in Step)]
    assert found == {(*step, language) for step, language in itertools.product(steps, Language)}


def test_curl_reads_as_on_the_product_page() -> None:
    assert code(write({"input": "Hello"}), Mode.ASYNC, Language.CURL) == (
        "# SIM_API_KEY: sk-sim-...abcd\n"
        f'curl -X POST "{BASE}/api/workflows/W/execute" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -H "x-api-key: $SIM_API_KEY" \\\n'
        '  -H "X-Execution-Mode: async" \\\n'
        "  -d '{\n"
        '    "input": "Hello"\n'
        "  }'"
    )


def test_v2_samples_queue_a_run_by_the_body() -> None:
    samples = write({"city": "Paris"}, api=Api.V2)
    assert code(samples, Mode.ASYNC, Language.CURL) == (
        "# SIM_API_KEY: sk-sim-...abcd\n"
        f'curl -X POST "{BASE}/api/v2/workflows/W/execute" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        '  -H "x-api-key: $SIM_API_KEY" \\\n'
        "  -d '{\n"
        '    "input": {\n'
        '      "city": "Paris"\n'
        "    },\n"
        '    "async": true\n'
        "  }'"
    )


def test_v2_samples_read_the_status_with_the_output() -> None:
    samples = write({}, api=Api.V2)
    status = {language: code(samples, Mode.ASYNC, language, Step.STATUS) for language in Language}
    runs = f"{BASE}/api/v2/workflows/W/runs"
    assert f'"{runs}/$RUN_ID?includeOutput=true"' in status[Language.CURL]
    assert f'"{runs}" + "/" + os.environ["RUN_ID"] + "?includeOutput=true"' in status[Language.PYTHON]
    assert f"`{runs}/${{process.env.RUN_ID}}?includeOutput=true`" in status[Language.JAVASCRIPT]
    assert all("RUN_ID: the data.runId that the async call answered" in each for each in status.values())


def test_a_stream_selects_outputs() -> None:
    assert '"selectedOutputs": ["agent_1.content"]' in code(
        write({}, selected=("agent_1.content",)), Mode.STREAM, Language.PYTHON
    )
    assert "selectedOutputs" not in code(write({}), Mode.STREAM, Language.PYTHON)


def test_a_public_workflow_shows_a_key_only_where_one_is_always_needed() -> None:
    for sample in write({}, is_public=True):
        assert ("SIM_API_KEY" in sample.code) == (sample.mode is Mode.ASYNC)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_a_shell_passes_the_body_on_unchanged(body: dict[str, Any]) -> None:
    words = shlex.split(code(write(body), Mode.SYNC, Language.CURL), comments=True)
    assert msgspec.json.decode(words[words.index("-d") + 1]) == body


@given(JSON)
def test_python_reads_literals_back(value: Any) -> None:
    assert ast.literal_eval(python_literal(value, indent=4)) == value


@pytest.mark.parametrize(
    ("field", "example"),
    [
        (InputField(name="a"), "example"),
        (InputField(name="a", type="number"), 42),
        (InputField(name="a", type="boolean"), True),
        (InputField(name="a", type="object"), {"key": "value"}),
        (InputField(name="a", type="array"), [1, 2, 3]),
        (InputField(name="a", type="number", value="7"), 7),
        (InputField(name="a", value="Paris"), "Paris"),
        (InputField(name="a", value=""), "example"),
        (InputField(name="a", type="of the future"), "example"),
    ],
)
def test_an_example_is_the_default_or_a_value_of_the_type(field: InputField, example: object) -> None:
    assert example_of(field) == example


def publish(system: System, *, public: bool = False) -> None:
    fields = [{"id": "f", "name": "city", "type": "string", "value": "Paris"}]
    begin = start()
    begin["subBlocks"]["inputFormat"] = {"id": "inputFormat", "type": "input-format", "value": fields}
    blocks = [begin, agent("a1", "vllm/x", "<start.city>"), function("f1", "return 1")]
    state = workflow("W", blocks, (START, "a1"), ("a1", "f1"))["state"]
    system.deployments.drafts["W"] = Draft(state=state, revision=1, saved_at=NOON)
    system.deployments.put("W", public=public)


async def test_samples_are_filled_in(system: System) -> None:
    publish(system)
    answer = await system.get("/api/workflows/W/samples")
    body = answer.json
    assert answer.status == 200
    assert (body["workflowId"], body["version"], body["isPublic"]) == ("W", 1, False)
    assert body["maskedKey"] == f"sk-sim-...{system.key[-4:]}"
    assert (body["exampleInput"], body["selectedOutputs"]) == ({"city": "Paris"}, ["agent_1.content"])
    assert [block["blockName"] for block in body["outputs"]] == ["Agent 1", "Function 1"]
    assert {"path": "content", "type": "string", "selector": "agent_1.content"} in body["outputs"][0]["outputs"]
    assert len(body["samples"]) == 20
    assert all(f"{BASE}/api/" in sample["code"] for sample in body["samples"])


async def test_samples_of_v2_are_written_on_request(system: System) -> None:
    publish(system)
    body = (await system.get("/api/workflows/W/samples?api=v2")).json
    runs = [sample["code"] for sample in body["samples"] if sample["step"] != "limits"]
    assert len(runs) == 16
    assert all(f"{BASE}/api/v2/workflows/W/" in sample for sample in runs)


async def test_outputs_can_be_chosen(system: System) -> None:
    publish(system)
    body = (await system.get("/api/workflows/W/samples?selectedOutputs=function_1.result")).json
    assert body["selectedOutputs"] == ["function_1.result"]
    assert any('"function_1.result"' in sample["code"] for sample in body["samples"])


async def test_no_output_can_be_chosen_either(system: System) -> None:
    publish(system)
    body = (await system.get("/api/workflows/W/samples?selectedOutputs=")).json
    assert body["selectedOutputs"] == []
    assert not any("selectedOutputs" in sample["code"] for sample in body["samples"])


async def test_samples_are_protected_like_the_workflow(system: System) -> None:
    publish(system)
    path = "/api/workflows/W/samples"
    assert (await system.get(path, key=None)).status == 401
    assert (await system.get(path, key="sk-sim-wrong")).status == 401
    assert (await system.get(path, key=system.tenants.issue(OTHER))).status == 403
    publish(system, public=True)
    system.clock.advance(2)
    answer = await system.get(path, key=None)
    assert (answer.status, answer.json["maskedKey"]) == (200, "sk-sim-...")


async def test_undeployed_workflows_have_no_samples(system: System) -> None:
    publish(system)
    assert (await system.get("/api/workflows/W/samples?version=99")).status == 404
    await system.deployments.undeploy("WS1", "W")
    system.clock.advance(2)
    answer = await system.get("/api/workflows/W/samples")
    assert (answer.status, answer.json["error"]) == (403, "Workflow is not deployed")
