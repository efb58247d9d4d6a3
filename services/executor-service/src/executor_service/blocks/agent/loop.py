"""The conversation of an agent: the model's turns, and the tools that it asks for in between."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from executor_service.blocks.agent.accounting import Ledger, usage_of
from executor_service.blocks.agent.listening import TurnListener
from executor_service.blocks.agent.tools import AgentTool
from executor_service.blocks.ports import ModelServer
from executor_service.engine import BlockFailure, Call
from executor_service.engine.secrets import Secrets
from executor_service.providers import Message, ModelFailure, ModelRequest, Role, ToolCall, Turn
from shared.clock import iso, ms_between
from shared.errors import FlowportError
from shared.frames import forget_frames
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, stringify

MAX_TOOL_ROUNDS: Final = 20
MAX_CALLS: Final = 128
"""Tool calls that a model may ask for in one turn."""
MAX_AT_ONCE: Final = 16
"""Tools that run at the same time for one agent."""
MAX_TOLD: Final = 10 * 1024 * 1024
"""Characters that all tools of one agent give together: no output could hold more."""
MAX_WRITTEN: Final = 5 * 1024 * 1024
"""Characters that the model may write in all turns. Most stand twice in the output."""
TOO_MUCH: Final = f"The answer is too long: all tools of an agent may give {MAX_TOLD} characters together"
AFTER_LIMIT: Final = "Final answer after tool limit"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Conversation:
    """One agent's exchange with its model."""

    call: Call
    models: ModelServer
    request: ModelRequest
    tools: Sequence[AgentTool]
    ledger: Ledger
    is_live: bool
    """Whether text goes out while it is written."""
    secrets: Secrets
    """What the author's settings of a tool may hold, and callers must not read in what the tool was given."""
    calls: list[Json] = field(default_factory=list)
    """The tool calls made, as the output lists them."""
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_AT_ONCE))
    room: int = MAX_TOLD
    """Characters that tools may still give."""
    written: int = 0
    """Characters that the model has written."""

    async def run(self) -> Turn:
        """Go on until the model answers. Raises BlockFailure in the model's words."""
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
        """A forced tool is forced once."""
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
                each.cancel()  # where one could not be told of, nobody waits for the others
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
        """What the model is told of the call, and what was made of it."""
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
    """A tool call that is over."""

    name: str
    arguments: Json
    result: Json
    succeeded: bool
    started: datetime
    ended: datetime

    @property
    def shown(self) -> JsonObject:
        """As `toolCalls` of the output has it."""
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
    """The arguments that counted, the result, and what went wrong: a tool's failure is told to the model."""
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
        forget_frames(failure)
        return _failed(name, failure.message)
    except Exception as error:  # one tool's bug must reach the model, not end the run
        _log.exception("tool %s broke", name)
        forget_frames(error)
        return _failed(name, f"{type(error).__name__}: {error}")


def _failed(name: str, message: str) -> tuple[JsonObject, str]:
    return {"error": True, "message": message, "tool": name}, message


def _readable(parsed: object) -> Json:
    return {} if parsed is MISSING or not isinstance(parsed, dict) else parsed
