"""Limits of an agent's tools: rounds, calls, concurrency, text and time."""

import asyncio
import json

import pytest
from tests.support.blocks.agents import ADD, CALL, Adding, Model, asks_for, run, says
from tests.support.blocks.runs import failure

from executor_service.blocks.agent.conversation import (
    MAX_CALLS,
    MAX_CONCURRENT_TOOLS,
    MAX_MODEL_CHARACTERS,
    MAX_TOOL_CHARACTERS,
    MAX_TOOL_ROUNDS,
    TOO_MUCH,
)
from executor_service.blocks.agent.tool_builder import MAX_TOOLS
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from executor_service.engine.deadline import OVERTIME_SECONDS
from executor_service.providers import Role, ToolCall
from executor_service.sandbox import Script, ScriptResult
from shared.workflow.format.js_values import JsonObject


async def test_after_many_rounds_the_model_must_answer() -> None:
    model = Model(*[asks_for(CALL)] * (MAX_TOOL_ROUNDS + 1), says("gave up"))
    result = await run(model, tools=[ADD])
    assert result.output["content"] == "gave up"
    assert len(model.requests) == MAX_TOOL_ROUNDS + 2
    assert result.output["toolCalls"]["count"] == MAX_TOOL_ROUNDS
    assert [request.may_call_tools for request in model.requests] == [True] * 21 + [False]


async def test_an_agent_has_a_bounded_number_of_tools() -> None:
    model = Model(says("done"))
    await run(model, tools=[ADD] * MAX_TOOLS)
    assert len({tool.name for tool in model.requests[0].tools}) == MAX_TOOLS
    assert failure(await run(Model(says("done")), tools=[ADD] * (MAX_TOOLS + 1))) == (
        f"Agent 1: An agent can have at most {MAX_TOOLS} tools"
    )


async def test_a_model_that_calls_tools_without_end_is_stopped() -> None:
    sandbox = Adding()
    calls = [ToolCall(f"c{number}", "custom_add", '{"a": 1, "b": 2}') for number in range(MAX_CALLS + 1)]
    assert len((await run(Model(asks_for(*calls[1:]), says("all")), tools=[ADD])).output["toolCalls"]["list"]) == 128
    result = await run(Model(asks_for(*calls)), sandbox=sandbox, tools=[ADD])
    assert failure(result) == "Agent 1: The model requested more than 128 tool calls in one turn"
    assert sandbox.scripts == []


async def test_the_number_of_concurrent_tools_of_an_agent_is_bounded() -> None:
    running, most = 0, 0

    class Slow(Adding):
        async def run(self, script: Script) -> ScriptResult:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            return await super().run(script)

    calls = [ToolCall(f"c{number}", "custom_add", '{"a": 1, "b": 2}') for number in range(3 * MAX_CONCURRENT_TOOLS)]
    result = await run(Model(asks_for(*calls), says("done")), sandbox=Slow(), tools=[ADD])
    assert (most, result.output["toolCalls"]["count"]) == (MAX_CONCURRENT_TOOLS, 3 * MAX_CONCURRENT_TOOLS)


class Telling(BlockHandler):
    """Reports so much usage and log each time."""

    def __init__(self, *sizes: int) -> None:
        self._sizes = list(sizes)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        return BlockResult({"data": "x" * self._sizes.pop(0)})


async def test_the_total_output_of_tools_is_bounded_and_the_model_learns_of_it() -> None:
    half = MAX_TOOL_CHARACTERS // 2
    model = Model(*[asks_for(ToolCall("c", "http_request", '{"url": "https://x.example"}'))] * 3, says("enough"))
    result = await run(model, blocks={"api": Telling(half, half, 5)}, tools=[{"type": "api"}])
    results = [message.content or "" for message in model.requests[-1].messages if message.role is Role.TOOL]
    assert [TOO_MUCH in text for text in results] == [False, True, False]
    assert result.output["content"] == "enough"


@pytest.mark.parametrize("more", ["", "x"])
async def test_the_total_text_of_all_turns_is_bounded(more: str) -> None:
    long = json.dumps("x" * (MAX_MODEL_CHARACTERS - 7))
    result = await run(Model(asks_for(ToolCall("c", "custom_add", long)), says("sorry" + more)), tools=[ADD])
    if more:
        assert failure(result) == f"Agent 1: The model wrote more than {MAX_MODEL_CHARACTERS} characters"
    else:
        assert result.output["content"] == "sorry"


async def test_the_code_of_a_tool_runs_for_its_workspace_within_the_remaining_time() -> None:
    plain, asking = Adding(), Adding()
    request: JsonObject = {"workspace_id": "w7", "user_id": "u7", "time_limit_ms": 3_000}
    await run(Model(asks_for(CALL), says("3")), sandbox=plain, tools=[ADD], run_request=request)
    code = "return environmentVariables.KEY"
    await run(Model(asks_for(CALL), says("3")), sandbox=asking, tools=[{**ADD, "code": code}], run_request=request)
    (script,), (other,) = plain.scripts, asking.scripts
    assert (script.workspace_id, script.timeout_ms, script.environment) == ("w7", 3_000 + OVERTIME_SECONDS * 1000, {})
    assert script.owner == "w7/u7/wf-1"
    assert other.environment == {"KEY": "sk-secret"}
