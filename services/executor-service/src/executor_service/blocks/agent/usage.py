"""Costs and durations of blocks that ask models, for their outputs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from executor_service.providers import NO_COST, NO_TOKENS, Cost, Tokens, ToolCall, Turn
from shared.clock import epoch_ms, iso, ms_between
from shared.contracts.runs import Usage
from shared.workflow.format.js_values import Json, JsonObject

_PER: Final = 1_000_000
"""Number of tokens that prices refer to."""
_PRICED_AT: Final = "1970-01-01T00:00:00.000Z"
"""Price lists have no date."""
EPOCH: Final = datetime.fromtimestamp(0, UTC)


def tokens_json(tokens: Tokens) -> JsonObject:
    """Return the token counts of an output."""
    return {"input": tokens.input, "output": tokens.output, "total": tokens.total}


def cost_json(cost: Cost) -> JsonObject:
    """Return a cost for outputs: zeros where this server's operator pays nothing."""
    return {"input": cost.input or 0, "output": cost.output or 0, "total": cost.total or 0}


def priced_cost_json(cost: Cost, tokens: Tokens) -> JsonObject:
    """Return a cost with its prices per million tokens."""
    pricing: JsonObject = {
        "input": _price(cost.input, tokens.input),
        "output": _price(cost.output, tokens.output),
        "updatedAt": _PRICED_AT,
    }
    return {**cost_json(cost), "pricing": pricing}


def usage_of(model: str, tokens: Tokens, cost: Cost) -> Usage:
    """Return the usage to add to a run's total."""
    counts = {"input": float(tokens.input), "output": float(tokens.output), "total": float(tokens.total)}
    return Usage(tokens.input, tokens.output, cost.total, {model: {**counts, "cost": cost.total}})


@dataclass(slots=True)
class UsageRecorder:
    """Records the turns and tool calls of one block."""

    model: str
    provider: str
    segments: list[Json] = field(default_factory=list)
    tokens: Tokens = NO_TOKENS
    cost: Cost = NO_COST
    turns: int = 0
    model_ms: int = 0
    tools_ms: int = 0
    first_ms: int = 0
    began: datetime = EPOCH

    def turn(self, turn: Turn, started: datetime, ended: datetime, name: str | None = None) -> None:
        """Record one model turn."""
        took = _ms(started, ended)
        self.tokens += turn.tokens
        self.cost += turn.cost
        self.turns += 1
        self.model_ms += took
        if self.turns == 1:
            self.began, self.first_ms = started, took
        segment = _segment("model", name or self.model, started, ended)
        if turn.content:
            segment["assistantContent"] = turn.content
        if turn.thinking:
            segment["thinkingContent"] = turn.thinking
        if turn.tool_calls:
            segment["toolCalls"] = [_tool_call_json(call) for call in turn.tool_calls]
        segment |= {
            "finishReason": turn.finish_reason,
            "tokens": tokens_json(turn.tokens),
            "cost": cost_json(turn.cost),
            "provider": self.provider,
        }
        self.segments.append(segment)

    def tool(self, name: str, call_id: str, started: datetime, ended: datetime) -> None:
        """Record one tool call."""
        self.segments.append({**_segment("tool", name, started, ended), "toolCallId": call_id})

    def timing(self, ended: datetime) -> JsonObject:
        """Return `providerTiming` of the output."""
        return {
            "startTime": iso(self.began),
            "endTime": iso(ended),
            "duration": _ms(self.began, ended),
            "modelTime": self.model_ms,
            "toolsTime": self.tools_ms,
            "firstResponseTime": self.first_ms,
            "iterations": self.turns,
            "timeSegments": list(self.segments),
        }


def _price(cost: float, tokens: int) -> float:
    return round(cost * _PER / tokens, 6) if cost else 0


def _segment(kind: str, name: str, started: datetime, ended: datetime) -> JsonObject:
    return {
        "type": kind,
        "name": name,
        "startTime": epoch_ms(started),
        "endTime": epoch_ms(ended),
        "duration": _ms(started, ended),
    }


def _tool_call_json(call: ToolCall) -> JsonObject:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _ms(started: datetime, ended: datetime) -> int:
    return round(ms_between(started, ended))
