"""Runs an agent with a scripted model and a sandbox that adds."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tests.support.blocks.runs import INPUT, NullSink, engine_of, request
from tests.support.workflow_states import block, chain

from executor_service.blocks.agent import AgentHandler, ToolBuilder
from executor_service.blocks.agent.block_tools import block_tools
from executor_service.blocks.mcp import McpServers
from executor_service.engine import BlockHandler, Execution, RunResult
from executor_service.providers import Listener, ModelFailure, ModelRequest, Tokens, ToolCall, Turn
from executor_service.sandbox import Script, ScriptResult
from shared.contracts.events import RunEvent
from shared.contracts.runs import RunMode
from shared.net import OutboundClient
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import JsonObject

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
    """Arguments of `ADD`."""

    a: int
    b: int


class Adding:
    """A fake sandbox that adds."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []

    async def run(self, script: Script) -> ScriptResult:
        self.scripts.append(script)
        numbers = msgspec.convert(script.params, Numbers)
        return ScriptResult(result=msgspec.Raw(msgspec.json.encode(numbers.a + numbers.b)))


class Model:
    """Gives these turns, streamed word by word to a listener; the last one repeats."""

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


class RecordingSink(NullSink):
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
    sink: RecordingSink | None = None,
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
                model, ToolBuilder(sandbox or Adding(), block_tools(blocks or {}), McpServers(OutboundClient()))
            )
        }
    )
    call_request = request(body or {"input": "Hi"}, **(run_request or {}))
    return await Execution(
        engine, compile_workflow(document), call_request, environment={"KEY": "sk-secret"}, sink=sink or NullSink()
    ).run()


async def stream_events(model: Model, *selected: str, **more: Any) -> Sequence[RunEvent]:
    sink = RecordingSink()
    stream = {"mode": RunMode.STREAM, "selected_outputs": selected or ("a.content",), **more.pop("flags", {})}
    await run(model, sink=sink, run_request=stream, **more)
    return sink.events
