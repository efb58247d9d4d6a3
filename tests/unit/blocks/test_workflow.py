"""A deployed workflow runs within the run that calls it, and its result is the block's output."""

import json
from typing import Any

import pytest
from tests.support.blocks.agents import Adding, Model
from tests.support.blocks.runs import INPUT, echo, engine_of, failure, names, run
from tests.support.workflow_states import START, block, chain, edge, start, workflow

from executor_service.blocks.agent import AgentHandler, BlockTool, ToolBuilder
from executor_service.blocks.agent.block_tools import block_tools
from executor_service.blocks.agent.tool_builder import TOOL_PAUSED
from executor_service.blocks.mcp import McpServers
from executor_service.blocks.ports import ChildWorkflow
from executor_service.blocks.response import ResponseHandler
from executor_service.blocks.wait import WaitHandler
from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, ChildPin, Inputs, RunResult
from executor_service.engine.logs import MAX_SPANS
from executor_service.providers import Tool, ToolCall, Turn
from shared.contracts.runs import ErrorCode, RunStatus, Usage
from shared.errors import NotFound, Unavailable
from shared.net import OutboundClient
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import Json, JsonObject, object_of


class Deployed:
    """The workflows that are live in workspace `w1`."""

    def __init__(self, **documents: JsonObject) -> None:
        self._compiled = {name: compile_workflow(document) for name, document in documents.items()}
        self.is_up = True

    async def find(self, workspace_id: str, workflow_id: str) -> ChildWorkflow | None:
        if not self.is_up:
            raise Unavailable("deploy-service does not respond")
        compiled = self._compiled.get(workflow_id) if workspace_id == "w1" else None
        return None if compiled is None else ChildWorkflow(workflow_id.title(), f"snap-{workflow_id}", compiled)

    async def find_pinned(self, workspace_id: str, pin: ChildPin) -> ChildWorkflow:
        raise NotFound("no run is resumed here")


def caller(workflow_id: str = "child", mapping: Json = None, **more: Json) -> JsonObject:
    """Return a block that calls a workflow."""
    settings = {"workflowId": workflow_id, "inputMapping": mapping, **more}
    return block("c", "workflow_input", "Call", settings=settings)


async def call(document: JsonObject, deployed: Deployed, body: Any = None, **more: Any) -> RunResult:
    child = WorkflowHandler(deployed)
    handlers = {
        "workflow_input": child,
        "workflow": child,
        "response": ResponseHandler(),
        "wait": WaitHandler(),
    }
    return await run(document, engine_of(handlers), body, **more)


GREETER = chain(
    start({"name": "who", "type": "string", "value": "nobody"}), echo("greet", "Hello <start.who>, <start.input>")
)


async def test_the_result_of_a_child_is_its_final_output() -> None:
    result = await call(
        chain(INPUT, caller(mapping={"who": "<start.input>"})), Deployed(child=GREETER), {"input": "Ada"}
    )
    assert result.output == {
        "success": True,
        "childWorkflowName": "Child",
        "childWorkflowId": "child",
        "childWorkflowSnapshotId": "snap-child",
        "result": {"data": "Hello Ada, "},
    }


@pytest.mark.parametrize(
    "mapping",
    [
        {"who": "<start.input>", "spare": 1},
        '{"who": "<start.input>", "spare": 1}',
        '{"who": <start.object>, "spare": 1}',
    ],
)
async def test_the_mapping_may_be_an_object_or_json_text_and_only_declared_fields_arrive(mapping: Json) -> None:
    child = chain(start({"name": "who", "type": "string"}), echo("all", "<start>"))
    document = chain(start({"name": "input"}, {"name": "object", "type": "string"}), caller(mapping=mapping))
    result = await call(document, Deployed(child=child), {"input": 'A "quoted" name', "object": '"x"'})
    received = json.loads(result.output["result"]["data"])
    assert received["who"] == ("x" if "object" in str(mapping) else 'A "quoted" name')
    assert "spare" not in received


async def test_a_field_that_is_not_mapped_has_the_child_s_default() -> None:
    result = await call(chain(INPUT, caller()), Deployed(child=GREETER))
    assert result.output["result"]["data"] == "Hello nobody, "


@pytest.mark.parametrize("mapping", ["", "  ", "null", "{}", {}])
async def test_an_empty_mapping_maps_nothing(mapping: Json) -> None:
    result = await call(chain(INPUT, caller(mapping=mapping)), Deployed(child=GREETER))
    assert result.output["result"]["data"] == "Hello nobody, "


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("who: Ada", ": Unexpected token 'w', \"who: Ada\" is not valid JSON"),
        ("<start.input>", ": Unexpected token 'H', \"Hello\" is not valid JSON"),
        ('["Ada"]', ""),
        (["Ada"], ""),
    ],
)
async def test_a_mapping_that_is_not_an_object_fails_the_block_with_a_reason(mapping: Json, problem: str) -> None:
    result = await call(chain(INPUT, caller(mapping=mapping)), Deployed(child=GREETER), {"input": "Hello"})
    assert result.outcome.error is not None
    assert result.outcome.error.text == f"Call: Input Mapping must be a JSON object{problem}"
    assert result.outcome.error.http_status == 400


async def test_the_older_form_s_text_is_the_child_s_input() -> None:
    older = block("c", "workflow", "Call", workflowId="child", input="<start.input>!")
    result = await call(chain(INPUT, older), Deployed(child=GREETER), {"input": "Ada"})
    assert result.output["result"]["data"] == "Hello nobody, Ada!"


async def test_a_child_has_its_own_variables() -> None:
    child: JsonObject = {
        **chain(start(), echo("b", "<variable.mine>")),
        "variables": {"v": {"id": "v", "name": "mine", "type": "string", "value": "child's"}},
    }
    parent: JsonObject = {
        **chain(INPUT, caller()),
        "variables": {"v": {"id": "v", "name": "mine", "type": "string", "value": "parent's"}},
    }
    assert (await call(parent, Deployed(child=child))).output["result"]["data"] == "child's"


async def test_a_child_s_response_ends_the_child_and_not_its_caller() -> None:
    child = chain(start(), block("r", "response", settings={"dataMode": "json", "data": '{"ok": 1}', "status": "202"}))
    result = await call(
        chain(INPUT, caller(), echo("after", "<call.result.data.ok> <call.result.status>")), Deployed(child=child)
    )
    assert result.output == {"data": "1 202"}


async def test_the_child_s_trace_is_within_the_block_that_called_it() -> None:
    result = await call(chain(INPUT, caller()), Deployed(child=GREETER))
    assert names(result) == ["Start", "Call"]
    assert [span["blockName"] for span in result.blocks[1].child_spans] == ["Start", "greet"]


async def test_a_child_that_fails_names_itself_and_its_block() -> None:
    child = chain(start(), echo("work", "fail:no luck", "Work"))
    result = await call(chain(INPUT, caller()), Deployed(child=child))
    assert failure(result) == 'Call: "Child" failed: Work: no luck'
    assert result.outcome.error is not None
    assert result.outcome.error.code is ErrorCode.CHILD_WORKFLOW_FAILED
    assert [span["blockName"] for span in result.blocks[1].child_spans] == ["Start", "Work"]


class Busy(BlockHandler):
    """A sandbox without capacity."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        raise Unavailable("no place is free")


async def test_a_retryable_failure_of_a_child_is_retryable() -> None:
    child = chain(start(), block("m", "memory", "M", operation="getAll"))
    calls = WorkflowHandler(Deployed(child=child, middle=chain(start(), caller())))
    handlers = {"workflow_input": calls, "memory": Busy()}
    for called in ("child", "middle"):
        result = await run(chain(INPUT, caller(called)), engine_of(handlers))
        assert result.outcome.error is not None
        assert result.outcome.error.http_status == 503


async def test_a_nested_failure_names_the_whole_chain() -> None:
    deployed = Deployed(
        one=chain(start(), caller("two")),
        two=chain(start(), caller("three")),
        three=chain(start(), echo("work", "fail:no luck", "Work")),
    )
    result = await call(chain(INPUT, caller("one")), deployed)
    assert failure(result) == "Call: Workflow chain: One → Two → Three | Work: no luck"


async def test_a_child_s_failure_takes_the_error_edge() -> None:
    document = workflow(
        INPUT,
        caller(),
        echo("ok", "fine"),
        echo("bad", "<call.error>"),
        edges=(edge("start", "c"), edge("c", "ok"), edge("c", "bad", "error")),
    )
    child = chain(start(), echo("work", "fail:no luck", "Work"))
    assert (await call(document, Deployed(child=child))).output == {"data": '"Child" failed: Work: no luck'}


async def test_a_failed_child_is_not_called_again() -> None:
    block_with_retry: JsonObject = {**caller(), "retry": {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}}
    child = chain(start(), echo("work", "fail:no luck"))
    result = await call(chain(INPUT, block_with_retry), Deployed(child=child))
    assert result.blocks[1].tries is None


@pytest.mark.parametrize("workspace", ["w1", "w2"])
async def test_an_undeployed_workflow_cannot_be_called(workspace: str) -> None:
    deployed = Deployed(child=GREETER) if workspace == "w2" else Deployed()
    result = await call(chain(INPUT, caller()), deployed, workspace_id=workspace)
    assert failure(result) == (
        'Call: "child" failed: Child workflow is not deployed. Please deploy the workflow before invoking it.'
    )


async def test_an_unavailable_service_is_not_reported_as_undeployed() -> None:
    deployed = Deployed(child=GREETER)
    deployed.is_up = False
    result = await call(chain(INPUT, caller()), deployed)
    assert failure(result) == "Call: deploy-service does not respond"
    assert result.outcome.error is not None
    assert result.outcome.error.http_status == 503


async def test_a_workflow_that_calls_itself_ends_at_the_depth_limit() -> None:
    deployed = Deployed(again=chain(start(), caller("again")))
    result = await call(chain(INPUT, caller("again")), deployed)
    assert failure(result).endswith("| Maximum workflow call chain depth (25) exceeded.")


async def test_a_chain_that_came_over_http_counts() -> None:
    chain_so_far = tuple(f"wf{n}" for n in range(25))
    result = await call(chain(INPUT, caller()), Deployed(child=GREETER), call_chain=chain_so_far)
    assert failure(result) == "Call: Maximum workflow call chain depth (25) exceeded."


WAITING = chain(start(), block("w", "wait", settings={"async": True, "timeValue": "1", "timeUnitLong": "days"}))


async def test_a_caller_waits_for_a_paused_child() -> None:
    result = await call(chain(INPUT, caller()), Deployed(child=WAITING))
    assert result.outcome.status is RunStatus.PAUSED
    assert [(pause.context_id, pause.kind) for pause in result.pauses] == [("c.w", "time")]


async def test_a_workflow_tool_cannot_pause_and_the_model_learns_of_it() -> None:
    tool = BlockTool("workflow_input", "workflow", "Calls", {"type": "object", "properties": {}})
    handlers = {"workflow_input": WorkflowHandler(Deployed(child=WAITING)), "wait": WaitHandler()}
    tool_builder = ToolBuilder(
        Adding(), {"workflow_input": (tool, handlers["workflow_input"])}, McpServers(OutboundClient())
    )
    use = Turn(tool_calls=(ToolCall("1", "workflow", '{"workflowId": "child"}'),))
    agent = AgentHandler(Model(use, Turn(content="sorry")), tool_builder)
    settings: JsonObject = {"model": "vllm/m", "tools": [{"type": "workflow_input"}]}
    document = chain(INPUT, block("a", "agent", "A", settings=settings))
    result = await run(document, engine_of({**handlers, "agent": agent}))
    assert result.output["content"] == "sorry"
    assert result.output["toolCalls"]["list"][0]["result"]["message"] == TOOL_PAUSED


TRANSLATES = chain(
    start(
        {"name": "text", "type": "string", "description": "What to translate"},
        {"name": "lang", "type": "string"},
        {"name": "rows", "type": "number", "value": 0},
    ),
    echo("t", "<start.text>"),
)


async def tool_description(deployed: Deployed, **params: Json) -> tuple[Tool, Json]:
    """Return what the model learns of a workflow that is an agent's tool, and of its input."""
    tools = block_tools({"workflow_input": WorkflowHandler(deployed)})
    model = Model(Turn(content="done"))
    agent = AgentHandler(model, ToolBuilder(Adding(), tools, McpServers(OutboundClient()), deployed))
    settings: JsonObject = {"model": "vllm/m", "tools": [{"type": "workflow_input", "params": params}]}
    await run(chain(INPUT, block("a", "agent", "A", settings=settings)), engine_of({"agent": agent}))
    (tool,) = model.requests[0].tools
    return tool, object_of(tool.parameters["properties"]).get("inputMapping")


async def test_a_model_gets_the_workflow_and_the_inputs_of_a_tool() -> None:
    deployed = Deployed(translate=TRANSLATES)
    tool, mapping = await tool_description(deployed, workflowId="translate", inputMapping={"lang": "en"})
    assert tool.description == 'Runs the workflow "Translate" and returns its result.'
    assert mapping == {
        "type": "object",
        "description": "The workflow's input fields",
        "properties": {"text": {"type": "string", "description": "What to translate"}, "rows": {"type": "number"}},
        "required": ["text"],
    }
    _, nothing_left = await tool_description(
        deployed, workflowId="translate", inputMapping={"lang": "en", "text": "Hi", "rows": 1}
    )
    assert nothing_left is None


async def test_a_dynamic_or_unavailable_workflow_tool_has_a_generic_description() -> None:
    deployed = Deployed(translate=TRANSLATES)
    descriptions = [await tool_description(deployed), await tool_description(deployed, workflowId="nobody")]
    deployed.is_up = False
    descriptions.append(await tool_description(deployed, workflowId="translate"))
    assert [mapping for _, mapping in descriptions] == [
        {"type": "object", "description": "The workflow's input fields"}
    ] * 3


class Spends(BlockHandler):
    """Reports the usage of a model call; fails if configured to."""

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        call.spend(Usage(7, 3, 0.5))
        if self._fails:
            raise BlockFailure("no")
        return BlockResult({})


@pytest.mark.parametrize("fails", [False, True])
async def test_the_usage_of_a_workflow_tool_counts(fails: bool) -> None:
    tool = BlockTool("workflow_input", "workflow", "Calls", {"type": "object", "properties": {}})
    child = WorkflowHandler(Deployed(child=chain(start(), block("m", "memory", "M", operation="getAll"))))
    use = Turn(tool_calls=(ToolCall("1", "workflow", '{"workflowId": "child"}'),) * 2)
    tool_builder = ToolBuilder(Adding(), {"workflow_input": (tool, child)}, McpServers(OutboundClient()))
    agent = AgentHandler(Model(use, Turn(content="done")), tool_builder)
    settings: JsonObject = {"model": "vllm/m", "tools": [{"type": "workflow_input"}]}
    document = chain(INPUT, block("a", "agent", "A", settings=settings))
    result = await run(document, engine_of({"agent": agent, "memory": Spends(fails=fails)}))
    assert (result.usage.input_tokens, result.usage.output_tokens, result.usage.cost_usd) == (14, 6, 1.0)


class Places(BlockHandler):
    """Records where it ran."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        self.seen.append(call.execution_path)
        return BlockResult({})


async def test_each_call_of_a_child_has_its_own_paths() -> None:
    places, child = (
        Places(),
        WorkflowHandler(Deployed(child=chain(START, block("m", "memory", "M", operation="getAll")))),
    )
    document = chain(
        INPUT, caller(), {**caller(), "id": "d", "name": "Again"}, block("m", "memory", "M", operation="getAll")
    )
    await run(document, engine_of({"workflow_input": child, "memory": places}))
    assert places.seen == ["c>m", "d>m", "m"]


async def test_each_use_as_a_tool_has_its_own_paths() -> None:
    places = Places()
    tool = BlockTool("memory", "memory", "Remembers", {"type": "object", "properties": {}})
    uses = Turn(tool_calls=(ToolCall("1", "memory", "{}"), ToolCall("2", "memory", "{}")))
    tool_builder = ToolBuilder(Adding(), {"memory": (tool, places)}, McpServers(OutboundClient()))
    agent = AgentHandler(Model(uses, Turn(content="done")), tool_builder)
    settings: JsonObject = {
        "model": "vllm/m",
        "messages": [{"role": "user", "content": "Go"}],
        "tools": [{"type": "memory"}],
    }
    await run(chain(INPUT, block("a", "agent", "A", settings=settings)), engine_of({"agent": agent}))
    assert sorted(places.seen) == ["a.memory.0>a", "a.memory.1>a"]


async def test_a_call_chain_may_reach_its_maximum_depth() -> None:
    chain_so_far = tuple(f"wf{n}" for n in range(24))
    result = await call(chain(INPUT, caller()), Deployed(child=GREETER), call_chain=chain_so_far)
    assert result.outcome.error is None


async def test_a_child_is_its_callers_users_and_part_of_its_run() -> None:
    seen: list[tuple[str | None, str, str]] = []

    class Sees(BlockHandler):
        async def run(self, call: Call, inputs: Inputs) -> BlockResult:
            seen.append((call.request.spec.user_id, call.request.workflow_id, call.request.run_workflow_id))
            return BlockResult({})

    child = chain(START, block("m", "memory", "M", operation="getAll"))
    handlers = {"workflow_input": WorkflowHandler(Deployed(child=child)), "memory": Sees()}
    await run(chain(INPUT, caller()), engine_of(handlers), user_id="u9")
    assert seen == [("u9", "child", "wf-1")]


async def test_a_trace_of_a_child_has_a_bound() -> None:
    child = chain(start(), *(echo(f"e{number}", "x") for number in range(MAX_SPANS + 5)))
    result = await call(chain(INPUT, caller()), Deployed(child=child), time_limit_ms=60_000)
    assert len(result.blocks[1].child_spans) == MAX_SPANS
