"""An agent's tools: their descriptions for the model, their inputs, and their results."""

import asyncio
import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from tests.support.blocks.agents import ADD, CALL, Adding, Model, asks_for, run, says
from tests.support.blocks.runs import failure
from tests.support.left_behind import without_collections

from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from executor_service.providers import Role, ToolCall
from executor_service.sandbox import Script, ScriptResult
from shared.errors import Unavailable
from shared.workflow.format.js_values import Json, JsonObject, object_of


@pytest.mark.parametrize("tool", [ADD, {**ADD, "schema": json.dumps(ADD["schema"])}], ids=["object", "text"])
async def test_a_tool_runs_with_the_models_arguments_and_its_result_is_returned(tool: JsonObject) -> None:
    model, sandbox = Model(asks_for(CALL), says("it is 3")), Adding()
    result = await run(model, sandbox=sandbox, tools=[tool])
    assert result.output["content"] == "it is 3"
    (call,) = result.output["toolCalls"]["list"]
    assert (call["name"], call["arguments"], call["result"], call["success"]) == ("add", {"a": 1, "b": 2}, 3, True)
    assert model.requests[0].tools[0].name == "custom_add"
    call_message, answer = model.requests[1].messages[-2:]
    assert call_message.tool_calls == (CALL,)
    assert (answer.role, answer.content, answer.tool_call_id) == (Role.TOOL, "3", "c1")
    assert sandbox.scripts[0].bindings == {"a": 1, "b": 2}
    assert result.output["tokens"]["total"] == 30


async def test_fixed_parameters_are_hidden_from_the_model_and_win() -> None:
    model = Model(asks_for(ToolCall("c", "custom_add", '{"a": 1, "b": 9}')), says("done"))
    result = await run(model, tools=[{**ADD, "params": {"b": 10}}])
    assert model.requests[0].tools[0].parameters == {
        "type": "object",
        "properties": {"a": {"type": "number"}},
        "required": ["a"],
    }
    assert result.output["toolCalls"]["list"][0]["result"] == 11


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (ToolCall("c", "ghost", "{}"), 'Tool "ghost" is not available'),
        (ToolCall("c", "custom_add", "not json"), "The arguments are not a JSON object"),
        (ToolCall("c", "custom_add", '{"a": "1", "b": 2}'), "Parameter a should be a number"),
        (ToolCall("c", "custom_add", '{"a": true, "b": 2}'), "Parameter a should be a number"),
    ],
)
async def test_a_tool_that_cannot_run_is_reported_to_the_model(call: ToolCall, message: str) -> None:
    model = Model(asks_for(call), says("sorry"))
    result = await run(model, tools=[ADD])
    assert result.output["content"] == "sorry"
    (made,) = result.output["toolCalls"]["list"]
    assert made["success"] is False
    assert made["result"] == {"error": True, "message": message, "tool": call.name}
    assert message in (model.requests[1].messages[-1].content or "").replace('\\"', '"')


async def test_a_tool_can_be_forced_once_and_another_disabled() -> None:
    model = Model(asks_for(CALL), says("ok"))
    await run(model, tools=[{**ADD, "usageControl": "force"}, {**ADD, "title": "off", "usageControl": "none"}])
    assert [request.forced_tool for request in model.requests] == ["custom_add", None]
    assert [tool.name for tool in model.requests[0].tools] == ["custom_add"]


async def test_a_tool_that_this_server_does_not_have_fails_the_block() -> None:
    assert failure(await run(Model(says("x")), tools=[{"type": "gmail", "toolId": "gmail_send"}])) == (
        "Agent 1: Tool not found: gmail_send"
    )


async def test_unnamed_required_properties_are_removed_from_the_schema() -> None:
    model = Model(says("done"))
    await run(model, tools=[{**ADD, "schema": {"name": "add", "parameters": {"required": ["a", ["b"], None]}}}])
    assert model.requests[0].tools[0].parameters["required"] == ["a"]


async def test_a_tool_of_which_a_workflow_has_but_the_id_fails_the_block() -> None:
    tools = [{"type": "custom-tool", "customToolId": "tool-1", "usageControl": "auto"}]
    assert failure(await run(Model(says("x")), tools=tools)).startswith(
        'Agent 1: tool "tool-1": its code is stored only on the server'
    )


class Keeping(BlockHandler):
    """Records its inputs."""

    def __init__(self) -> None:
        self.params: list[JsonObject] = []

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        self.params.append(inputs.params)
        return BlockResult({"status": 200})


@pytest.mark.parametrize(
    "headers",
    [
        [{"id": "1", "cells": {"Key": "Accept", "Value": "text/plain"}}],
        '[{"id": "1", "cells": {"Key": "Accept", "Value": "text/plain"}}]',
        '{"Accept": "text/plain"}',
        {"Accept": "text/plain"},
    ],
    ids=["table", "table as text", "object as text", "object"],
)
async def test_fixed_parameters_may_have_any_format_that_the_block_accepts(headers: Json) -> None:
    api = Keeping()
    tool = {"type": "api", "toolId": "http_request", "params": {"url": "https://x.example", "headers": headers}}
    model = Model(asks_for(ToolCall("c", "http_request", "{}")), says("done"))
    await run(model, blocks={"api": api}, tools=[tool])
    assert [params["headers"] for params in api.params] == [headers]


async def test_the_input_of_a_workflow_tool_is_parsed_before_values_are_filled_in() -> None:
    calls = Keeping()
    tool = {"type": "workflow_input", "params": {"workflowId": "w", "inputMapping": '{"text": "<start.input>"}'}}
    model = Model(asks_for(ToolCall("c", "workflow_executor", "{}")), says("done"))
    await run(model, blocks={"workflow_input": calls}, tools=[tool], body={"input": 'He said "no"'})
    assert calls.params == [{"workflowId": "w", "inputMapping": {"text": 'He said "no"'}}]


async def test_the_fields_that_an_author_leaves_empty_are_the_models_to_give() -> None:
    calls = Keeping()
    tool = {"type": "workflow_input", "params": {"workflowId": "w", "inputMapping": '{"lang": "en", "text": ""}'}}
    tool_call = ToolCall("c", "workflow_executor", '{"inputMapping": {"text": "Hi", "lang": "de"}}')
    model = Model(
        asks_for(tool_call), asks_for(ToolCall("d", "workflow_executor", '{"inputMapping": "Hi"}')), says("done")
    )
    result = await run(model, blocks={"workflow_input": calls}, tools=[tool])
    assert calls.params == [{"workflowId": "w", "inputMapping": {"text": "Hi", "lang": "en"}}]
    assert list(object_of(model.requests[0].tools[0].parameters["properties"])) == ["inputMapping"]
    (_, refused) = result.output["toolCalls"]["list"]
    assert refused["result"]["message"] == "Parameter inputMapping should be an object"


async def test_an_argument_named_like_a_keyword_is_in_params_only() -> None:
    sandbox = Adding()
    tool_call = ToolCall("c1", "custom_add", '{"a": 1, "b": 2, "class": "economy", "user-id": 7}')
    await run(Model(asks_for(tool_call), says("3")), sandbox=sandbox, tools=[ADD])
    (script,) = sandbox.scripts
    assert script.params == {"a": 1, "b": 2, "class": "economy", "user-id": 7}
    assert set(script.bindings) == {"a", "b"}


async def test_tool_calls_are_listed_in_the_order_of_their_requests() -> None:
    class SlowFirst(Adding):
        async def run(self, script: Script) -> ScriptResult:
            await asyncio.sleep(0.02 if script.params["a"] == 1 else 0)
            return await super().run(script)

    calls = [ToolCall(f"c{a}", "custom_add", json.dumps({"a": a, "b": 0})) for a in (1, 2)]
    result = await run(Model(asks_for(*calls), says("done")), sandbox=SlowFirst(), tools=[ADD])
    assert [call["result"] for call in result.output["toolCalls"]["list"]] == [1, 2]
    segments = result.output["providerTiming"]["timeSegments"]
    assert [each["toolCallId"] for each in segments if each["type"] == "tool"] == ["c1", "c2"], "the trace pairs them"


async def test_provider_specific_data_of_a_turn_is_sent_back() -> None:
    signed = object()
    model = Model(replace(asks_for(CALL), original=signed), says("3"))
    await run(model, tools=[ADD])
    assert model.requests[1].messages[-2].original is signed


class Broken(Adding):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def run(self, script: Script) -> ScriptResult:
        raise self._error


@pytest.mark.parametrize(
    ("error", "message"), [(Unavailable("no place is free"), "no place is free"), (KeyError("x"), "KeyError: 'x'")]
)
async def test_a_tool_that_breaks_ends_no_run(error: Exception, message: str) -> None:
    with capture_logs() as logs:
        result = await run(Model(asks_for(CALL), says("sorry")), sandbox=Broken(error), tools=[ADD])
    assert result.output["content"] == "sorry"
    assert result.output["toolCalls"]["list"][0]["result"]["message"] == message
    crashes = [(line["event"], line["tool"]) for line in logs]
    assert crashes == ([("tool_crashed", "custom_add")] if isinstance(error, KeyError) else [])


async def test_a_broken_tool_is_freed_without_a_garbage_collection() -> None:
    broken = Broken(Unavailable("no place is free"))
    with without_collections() as remains:
        await run(Model(asks_for(CALL), says("sorry")), sandbox=broken, tools=[ADD])
        await asyncio.sleep(0)
        assert remains.of(Call) == []


async def test_a_tool_without_parameters_has_an_empty_schema() -> None:
    model = Model(says("done"))
    await run(model, tools=[{**ADD, "schema": {"name": "add"}}])
    assert model.requests[0].tools[0].parameters == {"type": "object", "properties": {}, "required": []}


@pytest.mark.parametrize("empty", [None, ""])
async def test_empty_parameters_are_chosen_by_the_model(empty: Json) -> None:
    model = Model(asks_for(CALL), says("3"))
    result = await run(model, tools=[{**ADD, "params": {"b": empty}}])
    assert model.requests[0].tools[0].parameters["required"] == ["a", "b"]
    assert result.output["toolCalls"]["list"][0]["result"] == 3


async def test_a_tool_whose_code_is_blank_fails_the_block() -> None:
    assert "it has no code. Write it under code" in failure(await run(Model(says("x")), tools=[{**ADD, "code": "  "}]))
