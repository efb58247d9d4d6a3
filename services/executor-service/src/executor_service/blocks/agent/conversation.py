"""Conversation loop of an agent: model turns and the tool calls between them."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from executor_service.blocks.agent.tools import AgentTool
from executor_service.blocks.agent.turn_listener import TurnListener
from executor_service.blocks.agent.usage import Ledger, usage_of
from executor_service.blocks.ports import ModelServer
from executor_service.engine import BlockFailure, Call
from executor_service.engine.secrets import Secrets
from executor_service.providers import Message, ModelFailure, ModelRequest, Role, ToolCall, Turn
from shared.clock import iso, ms_between
from shared.errors import FlowportError
from shared.tracebacks import clear_tracebacks
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, stringify

MAX_TOOL_ROUNDS: Final = 20
MAX_CALLS: Final = 128
"""Limit for tool calls in one turn."""
MAX_AT_ONCE: Final = 16
"""Concurrent tools of one agent."""
MAX_TOLD: Final = 10 * 1024 * 1024
"""Limit for characters from all tools of one agent: no output could hold more."""
MAX_WRITTEN: Final = 5 * 1024 * 1024
"""Limit for characters that the model writes in all turns. Most are in the output twice."""
TOO_MUCH: Final = f"The answer is too long: all tools of an agent may give {MAX_TOLD} characters together"
AFTER_LIMIT: Final = "Final answer after tool limit"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Conversation:
    """Conversation of an agent with its model."""

    call: Call
    models: ModelServer
    request: ModelRequest
    tools: Sequence[AgentTool]
    ledger: Ledger
    is_live: bool
    """Whether text is streamed as it is written."""
    secrets: Secrets
    """Secrets in the author's tool settings, masked in the tool arguments that callers see."""
    calls: list[Json] = field(default_factory=list)
    """Tool calls made, for the output."""
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AT_ONCE))
    room: int = MAX_TOLD
    """Remaining characters for tools."""
    written: int = 0
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
            tools=tuple(tool.told for tool in self.tools),
            forced_tool=self._forced(),
            may_call_tools=may_call_tools,
        )
        listener = self._listener(may_call_tools=may_call_tools and bool(self.tools))
        started = self.call.now()
        try:
            turn = await self.models.turn(request, listener)
        except ModelFailure as failure:
            raise BlockFailure(failure.message, partial=self._so_far()) from failure
        self.call.spend(usage_of(request.model, turn.tokens, turn.cost))
        self.written += len(turn.content) + len(turn.thinking) + sum(len(asked.arguments) for asked in turn.tool_calls)
        if self.written > MAX_WRITTEN:
            raise BlockFailure(f"The model wrote more than {MAX_WRITTEN} characters", partial=self._so_far())
        name = None if may_call_tools else AFTER_LIMIT
        self.ledger.turn(turn, started, self.call.now(), name)
        if listener is not None:
            await listener.end(called_tools=bool(turn.tool_calls))
        return turn

    def _listener(self, *, may_call_tools: bool) -> TurnListener | None:
        writer = self.call.writer
        if writer is None or not self.is_live:
            return None
        asked = self.call.request
        return TurnListener(
            writer, holds=may_call_tools and not asked.agent_events, tells_thinking=asked.include_thinking
        )

    def _forced(self) -> str | None:
        """Return the forced tool, which is forced only once."""
        return None if self.calls else next((tool.name for tool in self.tools if tool.is_forced), None)

    def _so_far(self) -> JsonObject:
        writer = self.call.writer
        return {"content": writer.text} if writer is not None and writer.text else {}

    async def _run_tools(self, turn: Turn) -> None:
        if len(turn.tool_calls) > MAX_CALLS:
            raise BlockFailure(f"The model asked for more than {MAX_CALLS} tools at once", partial=self._so_far())
        started = self.call.now()
        running = [asyncio.create_task(self._in_turn(asked)) for asked in turn.tool_calls]
        try:
            answers = await asyncio.gather(*running)
        finally:
            for each in running:
                each.cancel()  # if a call cannot be reported, the others are not awaited
        for asked, (_, made) in zip(turn.tool_calls, answers, strict=True):
            self.ledger.tool(asked.name, asked.id, made.started, made.ended)
            self.calls.append(made.shown)
        self.ledger.tools_ms += round(ms_between(started, self.call.now()))
        said = Message(
            role=Role.ASSISTANT, content=turn.content or None, tool_calls=turn.tool_calls, original=turn.original
        )
        self.request = replace(self.request, messages=(*self.request.messages, said, *(told for told, _ in answers)))

    async def _in_turn(self, asked: ToolCall) -> tuple[Message, "_Made"]:
        async with self.places:
            return await self._run_tool(asked)

    async def _run_tool(self, asked: ToolCall) -> tuple[Message, "_Made"]:
        """Run a tool; return the message for the model and the call."""
        tool = next((tool for tool in self.tools if tool.name == asked.name), None)
        started = self.call.now()
        await self._tell(asked, "start")
        try:
            arguments, result, problem = await _ran(tool, asked)
        except asyncio.CancelledError:
            await self._tell(asked, "end", "cancelled")
            raise
        if problem is not None:
            result, problem = _failed(asked.name, self.call.shown_reason(problem))
        text = stringify(result)
        if len(text) > self.room:
            result, problem = _failed(asked.name, TOO_MUCH)
            text = stringify(result)
        self.room -= len(text)
        await self._tell(asked, "end", "success" if problem is None else "error")
        arguments = self.secrets.hidden_within(arguments)
        shown = tool.shown_name if tool is not None else asked.name
        told = Message(role=Role.TOOL, content=text, tool_call_id=asked.id, tool_name=asked.name)
        return told, _Made(shown, arguments, result, problem is None, started, self.call.now())

    async def _tell(self, asked: ToolCall, phase: str, status: str | None = None) -> None:
        writer = self.call.writer
        if writer is not None and self.call.request.include_tool_calls:
            await writer.tool(phase, asked.id, asked.name, status)


@dataclass(frozen=True, slots=True)
class _Made:
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


async def _ran(tool: AgentTool | None, asked: ToolCall) -> tuple[Json, Json, str | None]:
    """Return the arguments used, the result, and the error: the model is informed of a tool's failure."""
    parsed = parse_json(asked.arguments)
    if tool is None:
        return _readable(parsed), *_failed(asked.name, f'Tool "{asked.name}" is not available')
    if not isinstance(parsed, dict):
        return {}, *_failed(asked.name, "The arguments are not a JSON object")
    arguments = tool.merged(parsed)
    problem = tool.problem(arguments)
    if problem is not None:
        return arguments, *_failed(asked.name, problem)
    return arguments, *await _result(tool, asked.name, arguments)


async def _result(tool: AgentTool, name: str, arguments: JsonObject) -> tuple[Json, str | None]:
    try:
        return await tool.run(arguments), None
    except (BlockFailure, FlowportError) as failure:
        clear_tracebacks(failure)
        return _failed(name, failure.message)
    except Exception as error:  # a tool's bug must reach the model, not end the run
        _log.exception("tool %s broke", name)
        clear_tracebacks(error)
        return _failed(name, f"{type(error).__name__}: {error}")


def _failed(name: str, message: str) -> tuple[JsonObject, str]:
    return {"error": True, "message": message, "tool": name}, message


def _readable(parsed: object) -> Json:
    return {} if parsed is MISSING or not isinstance(parsed, dict) else parsed
