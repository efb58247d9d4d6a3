"""An agent converses until it has an answer, and what it writes is heard while it writes."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from tests.unit.blocks.running import INPUT, Nobody, engine_of, failure, request
from tests.unit.workflow.states import block, chain

from executor_service.blocks.agent import AgentHandler, Toolbox
from executor_service.blocks.agent.block_tools import block_tools
from executor_service.blocks.agent.listening import HELD_CHARACTERS
from executor_service.blocks.agent.loop import MAX_TOOL_ROUNDS
from executor_service.blocks.mcp import McpServers
from executor_service.engine import BlockHandler, BlockResult, Call, Execution, Inputs, RunResult
from executor_service.providers import Listener, ModelFailure, ModelRequest, Role, Tokens, ToolCall, Turn
from executor_service.sandbox import Script, ScriptResult
from shared.contracts.events import Chunk, ChunkReset, RunEvent, Thinking, ToolActivity
from shared.contracts.runs import RunMode
from shared.net import OutboundClient
from shared.workflow.compile import compile_workflow
from shared.workflow.jsvalues import Json, JsonObject

ADD = {
    "type": "custom-tool",
    "title": "add",
    "schema": {
        "type": "function",
        "function": {
            "name": "add",
            "description": "adds",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
                "required": ["a", "b"],
            },
        },
    },
    "code": "return a + b",
    "usageControl": "auto",
}
CALL = ToolCall("c1", "custom_add", '{"a": 1, "b": 2}')


class Numbers(msgspec.Struct):
    """What `ADD` takes."""

    a: int
    b: int


class Adding:
    """Plays the sandbox: it adds."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []

    async def run(self, script: Script) -> ScriptResult:
        self.scripts.append(script)
        numbers = msgspec.convert(script.params, Numbers)
        return ScriptResult(result=msgspec.Raw(msgspec.json.encode(numbers.a + numbers.b)))


class Model:
    """Gives these turns, word by word to whoever listens; the last one again and again."""

    def __init__(self, *turns: Turn | ModelFailure) -> None:
        self._turns = list(turns)
        self.requests: list[ModelRequest] = []

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        self.requests.append(request)
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        if isinstance(turn, ModelFailure):
            raise turn
        if listener is not None:
            if turn.thinking:
                await listener.thinking(turn.thinking)
            words = turn.content.split(" ")
            for word in [*(word + " " for word in words[:-1]), *filter(None, words[-1:])]:
                await listener.text(word)
        return turn

    def provider_of(self, model: str) -> str:
        return "vllm"


class Hearing(Nobody):
    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    async def emit(self, event: RunEvent) -> None:
        self.events.append(event)


def says(text: str, **more: Any) -> Turn:
    return Turn(content=text, tokens=Tokens(10, 5), **more)


def asks_for(*calls: ToolCall, text: str = "", thinking: str = "") -> Turn:
    return Turn(content=text, thinking=thinking, tool_calls=calls, finish_reason="tool_calls", tokens=Tokens(10, 5))


async def run(
    model: Model,
    *,
    sandbox: Any = None,
    sink: Hearing | None = None,
    body: Any = None,
    run_request: JsonObject | None = None,
    blocks: Mapping[str, BlockHandler] | None = None,
    **settings: Any,
) -> RunResult:
    """Run start → one agent."""
    given = {"model": "vllm/m", "messages": [{"role": "user", "content": "<start.input>"}], **settings}
    document = chain(INPUT, block("a", "agent", "Agent 1", settings=given))
    engine = engine_of(
        {
            "agent": AgentHandler(
                model, Toolbox(sandbox or Adding(), block_tools(blocks or {}), McpServers(OutboundClient()))
            )
        }
    )
    asked = request(body or {"input": "Hi"}, **(run_request or {}))
    return await Execution(
        engine, compile_workflow(document), asked, environment={"KEY": "sk-secret"}, sink=sink or Nobody()
    ).run()


async def heard(model: Model, *selected: str, **more: Any) -> Sequence[RunEvent]:
    sink = Hearing()
    stream = {"mode": RunMode.STREAM, "selected_outputs": selected or ("a.content",), **more.pop("flags", {})}
    await run(model, sink=sink, run_request=stream, **more)
    return sink.events


async def test_the_answer_and_what_it_took_are_the_output() -> None:
    model = Model(says("Hello"))
    result = await run(model)
    assert list(result.output) == ["content", "model", "tokens", "toolCalls", "providerTiming", "cost"]
    assert result.output["content"] == "Hello"
    assert result.output["model"] == "vllm/m"
    assert result.output["tokens"] == {"input": 10, "output": 5, "total": 15}
    assert result.output["toolCalls"] == {"list": [], "count": 0}
    (segment,) = result.output["providerTiming"]["timeSegments"]
    assert (segment["type"], segment["name"], segment["finishReason"], segment["provider"]) == (
        "model",
        "vllm/m",
        "stop",
        "vllm",
    )
    assert result.output["cost"]["total"] == 0
    assert (result.usage.input_tokens, result.usage.output_tokens) == (10, 5)


async def test_system_messages_go_first_and_values_are_filled_in() -> None:
    model = Model(says("ok"))
    messages = [{"role": "user", "content": "say <start.input>"}, {"role": "system", "content": "brief"}]
    await run(model, messages=messages, body={"input": "x"})
    assert [(message.role, message.content) for message in model.requests[0].messages] == [
        (Role.SYSTEM, "brief"),
        (Role.USER, "say x"),
    ]


async def test_messages_stored_as_text_are_read() -> None:
    model = Model(says("ok"))
    await run(model, messages='[{"role":"user","content":"say <start.input>"}]', body={"input": 'a "quote"'})
    assert model.requests[0].messages[0].content == 'say a "quote"'


async def test_settings_reach_the_model() -> None:
    model = Model(says("ok"))
    await run(model, temperature="0.3", maxTokens="50", reasoningEffort="low", verbosity="auto", apiKey="{{KEY}}")
    asked = model.requests[0]
    assert (asked.temperature, asked.max_tokens, asked.reasoning_effort, asked.verbosity) == (0.3, 50, "low", None)
    assert asked.credential("apiKey") == "sk-secret"


async def test_a_model_that_fails_is_quoted() -> None:
    assert failure(await run(Model(ModelFailure("model exploded", status=500)))) == "Agent 1: model exploded"


async def test_a_structured_answer_becomes_the_output() -> None:
    model = Model(says('```json\n{"label": "spam"}\n```'))
    result = await run(model, responseFormat='{"type":"object","properties":{"label":{"type":"string"}}}')
    assert result.output["label"] == "spam"
    assert "content" not in result.output
    wanted = model.requests[0].response_format
    assert wanted is not None
    assert wanted.name == "response_schema"


async def test_an_answer_without_the_form_asked_for_is_kept_as_text() -> None:
    result = await run(Model(says("no json")), responseFormat={"name": "n", "schema": {"type": "object"}})
    assert result.output["content"] == "no json"


@pytest.mark.parametrize("tool", [ADD, {**ADD, "schema": json.dumps(ADD["schema"])}], ids=["object", "text"])
async def test_a_tool_is_run_with_what_the_model_says_and_its_answer_goes_back(tool: JsonObject) -> None:
    model, sandbox = Model(asks_for(CALL), says("it is 3")), Adding()
    result = await run(model, sandbox=sandbox, tools=[tool])
    assert result.output["content"] == "it is 3"
    (call,) = result.output["toolCalls"]["list"]
    assert (call["name"], call["arguments"], call["result"], call["success"]) == ("add", {"a": 1, "b": 2}, 3, True)
    assert model.requests[0].tools[0].name == "custom_add"
    said, answer = model.requests[1].messages[-2:]
    assert said.tool_calls == (CALL,)
    assert (answer.role, answer.content, answer.tool_call_id) == (Role.TOOL, "3", "c1")
    assert sandbox.scripts[0].bindings == {"a": 1, "b": 2}
    assert result.output["tokens"]["total"] == 30


async def test_what_the_author_fixed_is_hidden_from_the_model_and_wins() -> None:
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
async def test_a_tool_that_cannot_run_is_told_to_the_model(call: ToolCall, message: str) -> None:
    model = Model(asks_for(call), says("sorry"))
    result = await run(model, tools=[ADD])
    assert result.output["content"] == "sorry"
    (made,) = result.output["toolCalls"]["list"]
    assert made["success"] is False
    assert made["result"] == {"error": True, "message": message, "tool": call.name}
    assert message in (model.requests[1].messages[-1].content or "").replace('\\"', '"')


async def test_a_tool_can_be_forced_once_and_one_can_be_taken_away() -> None:
    model = Model(asks_for(CALL), says("ok"))
    await run(model, tools=[{**ADD, "usageControl": "force"}, {**ADD, "title": "off", "usageControl": "none"}])
    assert [request.forced_tool for request in model.requests] == ["custom_add", None]
    assert [tool.name for tool in model.requests[0].tools] == ["custom_add"]


async def test_a_tool_that_this_server_does_not_have_fails_the_block() -> None:
    assert failure(await run(Model(says("x")), tools=[{"type": "gmail", "toolId": "gmail_send"}])) == (
        "Agent 1: Tool not found: gmail_send"
    )


async def test_after_many_rounds_the_model_must_answer() -> None:
    model = Model(*[asks_for(CALL)] * (MAX_TOOL_ROUNDS + 1), says("gave up"))
    result = await run(model, tools=[ADD])
    assert result.output["content"] == "gave up"
    assert len(model.requests) == MAX_TOOL_ROUNDS + 2
    assert result.output["toolCalls"]["count"] == MAX_TOOL_ROUNDS
    assert model.requests[-1].tools == ()


async def test_text_is_heard_word_by_word() -> None:
    assert await heard(Model(says("Hello there"))) == [Chunk("a", "Hello "), Chunk("a", "there")]


async def test_without_a_listener_the_model_is_not_asked_for_a_stream() -> None:
    assert await heard(Model(says("Hello")), "start.input") != []
    assert [
        event.block_id for event in await heard(Model(says("Hello")), "start.input") if isinstance(event, Chunk)
    ] == ["start"]


async def test_what_is_said_before_a_tool_call_is_not_heard() -> None:
    model = Model(asks_for(CALL, text="Let me see."), says("It is 3"))
    assert await heard(model, tools=[ADD]) == [Chunk("a", "It "), Chunk("a", "is "), Chunk("a", "3")]


async def test_a_long_answer_is_heard_before_it_is_over_though_tools_are_on_offer() -> None:
    long = " ".join(["word"] * 100)
    told = await heard(Model(says(long)), tools=[ADD])
    texts = [event.text for event in told if isinstance(event, Chunk)]
    assert "".join(texts) == long
    assert len(texts) == 100
    assert len(long) > HELD_CHARACTERS


async def test_a_long_preamble_is_set_apart_from_the_answer() -> None:
    long = " ".join(["word"] * 100)
    told = await heard(Model(asks_for(CALL, text=long), says("3")), tools=[ADD])
    assert told[-1] == Chunk("a", "\n\n3")
    assert all(isinstance(event, Chunk) for event in told)


async def test_readers_that_can_take_text_back_hear_every_turn_at_once() -> None:
    model = Model(asks_for(CALL, text="Let me"), says("It is 3"))
    assert await heard(model, tools=[ADD], flags={"agent_events": True}) == [
        Chunk("a", "Let "),
        Chunk("a", "me"),
        ChunkReset("a"),
        Chunk("a", "It "),
        Chunk("a", "is "),
        Chunk("a", "3"),
    ]


async def test_text_that_was_taken_back_leaves_what_others_said() -> None:
    model = Model(asks_for(CALL, text="Hm"), says("3"))
    told = await heard(model, "start.input", "a.content", tools=[ADD], flags={"agent_events": True})
    assert [event.text for event in told if isinstance(event, Chunk)] == ["Hi", "\n\nHm", "\n\n3"]


async def test_thoughts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor_service.engine.streaming.MAX_THOUGHTS", 5)
    model = Model(asks_for(CALL, thinking="abc"), asks_for(CALL, thinking="def"), says("3", thinking="ghi"))
    told = await heard(model, tools=[ADD], flags={"agent_events": True, "include_thinking": True})
    assert [event.text for event in told if isinstance(event, Thinking)] == ["abc", "de"]


async def test_a_tool_that_is_stopped_is_told_as_cancelled() -> None:
    class Dawdling(Adding):
        async def run(self, script: Script) -> ScriptResult:
            await asyncio.sleep(30)
            raise AssertionError

    flags = {"agent_events": True, "include_tool_calls": True, "time_limit_ms": 2_000}
    told = await heard(Model(asks_for(CALL)), sandbox=Dawdling(), tools=[ADD], flags=flags)
    assert [event.status for event in told if isinstance(event, ToolActivity)] == [None, "cancelled"]


async def test_a_structured_answer_is_heard_whole() -> None:
    told = await heard(Model(says('{"label": "spam"}')), "a.label", responseFormat={"type": "object"})
    assert [event.text for event in told if isinstance(event, Chunk)] == ["spam"]


async def test_thoughts_and_tools_are_told_only_to_those_who_asked() -> None:
    def model() -> Model:
        return Model(asks_for(CALL), says("3", thinking="hm"))

    flags = {"include_thinking": True, "include_tool_calls": True}
    told = await heard(model(), tools=[ADD], flags=flags)
    assert Thinking("a", "hm") in told
    assert [(event.phase, event.name, event.status) for event in told if isinstance(event, ToolActivity)] == [
        ("start", "custom_add", None),
        ("end", "custom_add", "success"),
    ]
    assert all(isinstance(event, Chunk) for event in await heard(model(), tools=[ADD]))


class Keeping(BlockHandler):
    """Keeps what it was called with."""

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
async def test_what_the_author_of_a_tool_sets_may_have_any_form_that_the_block_takes(headers: Json) -> None:
    api = Keeping()
    tool = {"type": "api", "toolId": "http_request", "params": {"url": "https://x.example", "headers": headers}}
    model = Model(asks_for(ToolCall("c", "http_request", "{}")), says("done"))
    await run(model, blocks={"api": api}, tools=[tool])
    assert [params["headers"] for params in api.params] == [headers]


async def test_an_argument_named_like_a_word_of_the_language_is_in_params_alone() -> None:
    sandbox = Adding()
    asked = ToolCall("c1", "custom_add", '{"a": 1, "b": 2, "class": "economy"}')
    await run(Model(asks_for(asked), says("3")), sandbox=sandbox, tools=[ADD])
    (script,) = sandbox.scripts
    assert script.params == {"a": 1, "b": 2, "class": "economy"}
    assert set(script.bindings) == {"a", "b"}


async def test_tool_calls_are_listed_in_the_order_in_which_they_were_asked_for() -> None:
    class SlowFirst(Adding):
        async def run(self, script: Script) -> ScriptResult:
            await asyncio.sleep(0.02 if script.params["a"] == 1 else 0)
            return await super().run(script)

    calls = [ToolCall(f"c{a}", "custom_add", json.dumps({"a": a, "b": 0})) for a in (1, 2)]
    result = await run(Model(asks_for(*calls), says("done")), sandbox=SlowFirst(), tools=[ADD])
    assert [call["result"] for call in result.output["toolCalls"]["list"]] == [1, 2]
    segments = result.output["providerTiming"]["timeSegments"]
    assert [each["toolCallId"] for each in segments if each["type"] == "tool"] == ["c1", "c2"], "the trace pairs them"


async def test_older_memories_come_before_the_question() -> None:
    model = Model(says("ok"))
    memories = [{"role": "user", "content": "before"}, {"role": "assistant", "content": "then"}]
    messages = [{"role": "system", "content": "brief"}, {"role": "user", "content": "now"}]
    await run(model, messages=messages, memories=memories)
    assert [message.content for message in model.requests[0].messages] == ["brief", "before", "then", "now"]
