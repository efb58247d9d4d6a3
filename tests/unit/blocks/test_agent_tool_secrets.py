"""Secrets of an agent's tools: neither the model nor the callers read them."""

import json
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from tests.support.blocks.agents import ADD, CALL, Adding, Model, asks_for, run, says

from executor_service.blocks.function import FunctionHandler
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from executor_service.providers import ToolCall
from executor_service.sandbox import ErrorKind, Script, ScriptError, ScriptResult
from shared.workflow.compile.code_parser import Language
from shared.workflow.format.js_values import JsonObject


class RecordingSandbox(Adding):
    """Records the scripts, and returns one result."""

    async def run(self, script: Script) -> ScriptResult:
        self.scripts.append(script)
        return ScriptResult(result=msgspec.Raw(b"1"))

    @property
    def functions(self) -> Mapping[str, BlockHandler]:
        return {"function": FunctionHandler({Language.JAVASCRIPT: self})}


async def test_a_function_that_is_a_tool_gets_values_as_variables_and_never_as_code() -> None:
    sandbox, code = RecordingSandbox(), "return <start.input> + {{KEY}}"
    model = Model(asks_for(ToolCall("c", "function_execute", "{}")), says("done"))
    tool = {"type": "function", "title": "Code", "params": {"code": code, "language": "javascript"}}
    result = await run(model, blocks=sandbox.functions, tools=[tool], body={"input": '"; evil("'})
    (script,) = sandbox.scripts
    assert list(script.bindings.values()) == ['"; evil("', "sk-secret"]
    assert "evil" not in script.code
    assert "sk-secret" not in script.code
    assert model.requests[0].tools[0].parameters["properties"] == {}
    assert result.output["toolCalls"]["list"][0]["arguments"] == {"code": code, "language": "javascript"}


async def test_callers_do_not_read_the_secrets_that_a_tool_is_set_up_with() -> None:
    headers = [{"id": "1", "cells": {"Key": "Authorization", "Value": "Bearer {{KEY}}"}}]
    tool = {"type": "api", "params": {"url": "https://x.example/{{KEY}}", "headers": headers}}
    model = Model(asks_for(ToolCall("c", "http_request", '{"body": {"a": 1}}')), says("done"))
    result = await run(model, blocks={"api": Refused()}, tools=[tool])
    (made,) = result.output["toolCalls"]["list"]
    assert made["arguments"] == {
        "body": {"a": 1},
        "url": "https://x.example/[REDACTED]",
        "headers": [{"id": "1", "cells": {"Key": "Authorization", "Value": "Bearer [REDACTED]"}}],
    }
    assert made["result"]["message"] == "no https://x.example/[REDACTED]"
    assert "sk-secret" not in (model.requests[1].messages[-1].content or "")


async def test_the_failure_of_a_tool_discloses_no_secret_of_its_code() -> None:
    thrown = ScriptError(kind=ErrorKind.THROWN, message="Line 1: sk-secret is no key", reason="")
    tool = {**ADD, "code": "throw new Error(`${environmentVariables.KEY} is no key`)"}
    model = Model(asks_for(CALL), says("sorry"))
    result = await run(model, sandbox=Failing(thrown), tools=[tool])
    assert result.output["toolCalls"]["list"][0]["result"]["message"] == "Line 1: [REDACTED] is no key"
    assert "sk-secret" not in (model.requests[1].messages[-1].content or "")


class Failing:
    """A fake sandbox whose code throws."""

    def __init__(self, error: ScriptError) -> None:
        self._error = error

    async def run(self, script: Script) -> ScriptResult:
        return ScriptResult(error=self._error)


class Refused(BlockHandler):
    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        raise BlockFailure(f"no {inputs.params['url']}")


@pytest.mark.parametrize(
    ("settings", "seen"), [({"code": "return environmentVariables.KEY"}, {"KEY": "sk-secret"}), ({}, {})]
)
async def test_code_that_the_model_wrote_sees_no_secrets(settings: JsonObject, seen: JsonObject) -> None:
    sandbox = RecordingSandbox()
    tool_call = ToolCall("c", "function_execute", '{"code": "return environmentVariables.KEY"}')
    tool = {"type": "function", "params": settings}
    await run(Model(asks_for(tool_call), says("done")), blocks=sandbox.functions, tools=[tool])
    assert [script.environment for script in sandbox.scripts] == [seen]


async def test_no_argument_replaces_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: 16 * "0")  # a model that has guessed the name
    sandbox = Adding()
    tool = {**ADD, "code": "return <start.input>"}
    await run(Model(asks_for(CALL), says("3")), sandbox=sandbox, tools=[tool])
    (name,) = set(sandbox.scripts[0].bindings) - {"a", "b"}
    forged = replace(CALL, arguments=json.dumps({"a": 1, "b": 2, name: "forged"}))
    await run(Model(asks_for(forged), says("3")), sandbox=sandbox, tools=[tool])
    assert sandbox.scripts[1].bindings[name] == "Hi"
