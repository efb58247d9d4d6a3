"""What a block that asks models spent, and how long it took, as its output shows it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from executor_service.providers import Tokens, ToolCall, Turn
from shared.clock import iso
from shared.contracts.runs import Usage
from shared.workflow.jsvalues import Json, JsonObject

NO_COST: Final[JsonObject] = {"input": 0, "output": 0, "total": 0}
NO_PRICING: Final[JsonObject] = {"input": 0, "output": 0, "updatedAt": "1970-01-01T00:00:00.000Z"}
"""Whoever brings the key or the server pays the provider; this installation charges nothing."""

NO_TOKENS: Final = Tokens()
EPOCH: Final = datetime.fromtimestamp(0, UTC)


def tokens_json(tokens: Tokens) -> JsonObject:
    """The token counts of an output."""
    return {"input": tokens.input, "output": tokens.output, "total": tokens.total}


def usage_of(model: str, tokens: Tokens) -> Usage:
    """What a run's total is to be raised by."""
    counts = {"input": float(tokens.input), "output": float(tokens.output), "total": float(tokens.total)}
    return Usage(tokens.input, tokens.output, 0.0, {model: counts})


@dataclass(slots=True)
class Ledger:
    """Gathers the turns and tool calls of one block."""

    model: str
    provider: str
    segments: list[Json] = field(default_factory=list)
    tokens: Tokens = NO_TOKENS
    turns: int = 0
    model_ms: int = 0
    tools_ms: int = 0
    first_ms: int = 0
    began: datetime = EPOCH

    def turn(self, turn: Turn, started: datetime, ended: datetime, name: str | None = None) -> None:
        """Write down one model turn."""
        took = _ms(started, ended)
        self.tokens += turn.tokens
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
            segment["toolCalls"] = [_asked(call) for call in turn.tool_calls]
        segment |= {
            "finishReason": turn.finish_reason,
            "tokens": tokens_json(turn.tokens),
            "cost": dict(NO_COST),
            "provider": self.provider,
        }
        self.segments.append(segment)

    def tool(self, name: str, call_id: str, started: datetime, ended: datetime) -> None:
        """Write down one tool call."""
        self.segments.append({**_segment("tool", name, started, ended), "toolCallId": call_id})

    def timing(self, ended: datetime) -> JsonObject:
        """`providerTiming` of the output."""
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


def cost_json() -> JsonObject:
    """`cost` of the output."""
    return {**NO_COST, "pricing": dict(NO_PRICING)}


def _segment(kind: str, name: str, started: datetime, ended: datetime) -> JsonObject:
    return {
        "type": kind,
        "name": name,
        "startTime": _epoch_ms(started),
        "endTime": _epoch_ms(ended),
        "duration": _ms(started, ended),
    }


def _asked(call: ToolCall) -> JsonObject:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _ms(started: datetime, ended: datetime) -> int:
    return round((ended - started).total_seconds() * 1000)


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
