"""Conversation loop of an agent: model turns and the tool calls between them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from executor_service.blocks.agent.tools import AgentTool
from executor_service.blocks.agent.turn_listener import TurnListener
from executor_service.blocks.agent.usage import UsageRecorder, usage_of
from executor_service.blocks.ports import ModelServer
from executor_service.engine import BlockFailure, Call
from executor_service.engine.secrets import Secrets
from executor_service.engine.stream import partial_output
from executor_service.providers import Message, ModelFailure, ModelRequest, Role, ToolCall, Turn
from shared.clock import iso, ms_between
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.tracebacks import clear_tracebacks
from shared.workflow.format.js_values import Json, JsonObject, parse_json, stringify

MAX_TOOL_ROUNDS: Final = 20
MAX_CALLS: Final = 128
"""Limit for tool calls in one turn."""
MAX_CONCURRENT_TOOLS: Final = 16
"""Concurrent tools of one agent."""
MAX_TOOL_CHARACTERS: Final = 10 * 1024 * 1024
"""Limit for characters from all tools of one agent. A larger result would exceed the output limit."""
MAX_MODEL_CHARACTERS: Final = 5 * 1024 * 1024
"""Limit for characters that the model writes in all turns. Most are in the output twice."""
TOO_MUCH: Final = f"The result is too long: the tools of an agent may return {MAX_TOOL_CHARACTERS} characters in total"
AFTER_LIMIT: Final = "Final answer after tool limit"
log = get_logger("agent")


@dataclass(slots=True)
class Conversation:
    """Conversation of an agent with its model."""

    call: Call
    models: ModelServer
    request: ModelRequest
    tools: Sequence[AgentTool]
    recorder: UsageRecorder
    is_live: bool
    """Whether text is streamed as it is written."""
    secrets: Secrets
    """Secrets in the author's tool settings, masked in the tool arguments that callers see."""
    calls: list[Json] = field(default_factory=list)
    """Tool calls made, for the output."""
    tool_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT_TOOLS))
    characters_left: int = MAX_TOOL_CHARACTERS
    """Remaining characters for tools."""
    characters_written: int = 0
    """Characters written by the model."""

    async def run(self) -> Turn:
        """Continue until the model answers. Raises BlockFailure with the model's message."""
        turn = await self._turn(may_call_tools=True)
        for _ in range(MAX_TOOL_ROUNDS):
            if not turn.tool_calls:
                return turn
            await self._run_tools(turn)
            turn = await self._turn(may_call_tools=True)
        return await self._turn(may_call_tools=False) if turn.tool_calls else turn

    async def _turn(self, *, may_call_tools: bool) -> Turn:
        request = replace(
            self.request,
            tools=tuple(tool.model_tool for tool in self.tools),
            forced_tool=self._forced_tool(),
            may_call_tools=may_call_tools,
        )
        listener = self._listener(may_call_tools=may_call_tools and bool(self.tools))
        started = self.call.now()
        try:
            turn = await self.models.turn(request, listener)
        except ModelFailure as failure:
            raise BlockFailure(failure.message, partial=partial_output(self.call.writer)) from failure
        self.call.spend(usage_of(request.model, turn.tokens, turn.cost))
        self.characters_written += (
            len(turn.content) + len(turn.thinking) + sum(len(tool_call.arguments) for tool_call in turn.tool_calls)
        )
        if self.characters_written > MAX_MODEL_CHARACTERS:
            raise BlockFailure(
                f"The model wrote more than {MAX_MODEL_CHARACTERS} characters", partial=partial_output(self.call.writer)
            )
        name = None if may_call_tools else AFTER_LIMIT
        self.recorder.turn(turn, started, self.call.now(), name)
        if listener is not None:
            await listener.end(called_tools=bool(turn.tool_calls))
        return turn

    def _listener(self, *, may_call_tools: bool) -> TurnListener | None:
        writer = self.call.writer
        if writer is None or not self.is_live:
            return None
        request = self.call.request.spec
        return TurnListener(
            writer, buffers=may_call_tools and not request.agent_events, sends_thinking=request.include_thinking
        )

    def _forced_tool(self) -> str | None:
        """Return the forced tool, which is forced only once."""
        return None if self.calls else next((tool.name for tool in self.tools if tool.is_forced), None)

    async def _run_tools(self, turn: Turn) -> None:
        if len(turn.tool_calls) > MAX_CALLS:
            raise BlockFailure(
                f"The model requested more than {MAX_CALLS} tool calls in one turn",
                partial=partial_output(self.call.writer),
            )
        started = self.call.now()
        running = [asyncio.create_task(self._run_in_slot(tool_call)) for tool_call in turn.tool_calls]
        try:
            answers = await asyncio.gather(*running)
        finally:
            for each in running:
                each.cancel()  # if a call cannot be reported, the others are not awaited
        for tool_call, (_, finished) in zip(turn.tool_calls, answers, strict=True):
            self.recorder.tool(tool_call.name, tool_call.id, finished.started, finished.ended)
            self.calls.append(finished.shown)
        self.recorder.tools_ms += round(ms_between(started, self.call.now()))
        assistant_message = Message(
            role=Role.ASSISTANT, content=turn.content or None, tool_calls=turn.tool_calls, original=turn.original
        )
        self.request = replace(
            self.request, messages=(*self.request.messages, assistant_message, *(message for message, _ in answers))
        )

    async def _run_in_slot(self, tool_call: ToolCall) -> tuple[Message, "_FinishedCall"]:
        async with self.tool_slots:
            return await self._run_tool(tool_call)

    async def _run_tool(self, tool_call: ToolCall) -> tuple[Message, "_FinishedCall"]:
        """Run a tool; return the message for the model and the call."""
        tool = next((tool for tool in self.tools if tool.name == tool_call.name), None)
        started = self.call.now()
        await self._report(tool_call, "start")
        try:
            arguments, result, problem = await _execute_tool(tool, tool_call)
        except asyncio.CancelledError:
            await self._report(tool_call, "end", "cancelled")
            raise
        if problem is not None:
            result, problem = _error_result(tool_call.name, self.call.redact_reason(problem))
        text = stringify(result)
        if len(text) > self.characters_left:
            result, problem = _error_result(tool_call.name, TOO_MUCH)
            text = stringify(result)
        self.characters_left -= len(text)
        await self._report(tool_call, "end", "success" if problem is None else "error")
        arguments = self.secrets.redact_value(arguments)
        shown = tool.shown_name if tool is not None else tool_call.name
        message = Message(role=Role.TOOL, content=text, tool_call_id=tool_call.id, tool_name=tool_call.name)
        return message, _FinishedCall(shown, arguments, result, problem is None, started, self.call.now())

    async def _report(self, tool_call: ToolCall, phase: str, status: str | None = None) -> None:
        writer = self.call.writer
        if writer is not None and self.call.request.spec.include_tool_calls:
            await writer.tool(phase, tool_call.id, tool_call.name, status)


@dataclass(frozen=True, slots=True)
class _FinishedCall:
    """A finished tool call."""

    name: str
    arguments: Json
    result: Json
    succeeded: bool
    started: datetime
    ended: datetime

    @property
    def shown(self) -> JsonObject:
        """Return its entry in `toolCalls` of the output."""
        return {
            "name": self.name,
            "arguments": self.arguments,
            "startTime": iso(self.started),
            "endTime": iso(self.ended),
            "duration": round(ms_between(self.started, self.ended)),
            "result": self.result,
            "success": self.succeeded,
        }


async def _execute_tool(tool: AgentTool | None, tool_call: ToolCall) -> tuple[Json, Json, str | None]:
    """Return the arguments used, the result, and the error: the model is informed of a tool's failure."""
    parsed = parse_json(tool_call.arguments)
    arguments = parsed if isinstance(parsed, dict) else {}
    if tool is None:
        return arguments, *_error_result(tool_call.name, f'Tool "{tool_call.name}" is not available')
    if not isinstance(parsed, dict):
        return {}, *_error_result(tool_call.name, "The arguments are not a JSON object")
    arguments = tool.merge_arguments(parsed)
    problem = tool.problem(arguments)
    if problem is not None:
        return arguments, *_error_result(tool_call.name, problem)
    return arguments, *await _result(tool, tool_call.name, arguments)


async def _result(tool: AgentTool, name: str, arguments: JsonObject) -> tuple[Json, str | None]:
    try:
        return await tool.run(arguments), None
    except (BlockFailure, FlowportError) as failure:
        clear_tracebacks(failure)
        return _error_result(name, failure.message)
    except Exception as error:  # a tool's bug must reach the model, not end the run
        log.exception("tool_crashed", tool=name)
        clear_tracebacks(error)
        return _error_result(name, f"{type(error).__name__}: {error}")


def _error_result(name: str, message: str) -> tuple[JsonObject, str]:
    return {"error": True, "message": message, "tool": name}, message
