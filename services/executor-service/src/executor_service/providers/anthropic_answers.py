"""Streamed answers of Anthropic's Messages API.

The official client's reader copies an answer for each chunk and has no size limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from executor_service.providers.limits import CALL_BYTES, StoredSize, check_values
from executor_service.providers.model import Tokens, ToolCall, Turn
from shared.workflow.format.js_values import Json, JsonObject, parse_json, stringify

_CUT: Final = "max_tokens"
_FINISHES: Final[Mapping[str, str]] = {"end_turn": "stop", "tool_use": "tool_calls", _CUT: "length"}
_TEXTS: Final = ("text", "thinking", "signature")


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Message(msgspec.Struct):
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Delta(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Error(msgspec.Struct):
    message: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: dict[str, Any] | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: _Error | None = None


class UnreadableAnswer(Exception):
    """The events are not those of an answer."""


class ServerError(Exception):
    """The server reported an error within its answer."""


@dataclass
class _Block:
    """A partial block of the answer."""

    start: JsonObject
    chunks: dict[str, list[str]] = field(default_factory=dict)

    @property
    def type(self) -> Json:
        return self.start.get("type")

    def text(self, name: str) -> str:
        began = self.start.get(name)
        return (began if isinstance(began, str) else "") + "".join(self.chunks.get(name, ()))

    def arguments(self) -> str:
        """Return the tool's JSON text from the model."""
        return "".join(self.chunks.get("partial_json", ())) or stringify(self.start.get("input") or {})

    def call(self, *, is_cut: bool) -> ToolCall:
        arguments = "" if is_cut else self.arguments()
        return ToolCall(str(self.start.get("id")), str(self.start.get("name")), arguments)

    def whole(self) -> JsonObject:
        """Return the block in the API's input form."""
        whole: JsonObject = {name: value for name, value in self.start.items() if value is not None}
        whole |= {name: self.text(name) for name in _TEXTS if name in self.chunks}
        if self.type == "tool_use":
            given = parse_json(self.arguments())
            whole["input"] = given if isinstance(given, dict) else {}
        return whole


class AnswerReader:
    """Assembles an answer from its events."""

    def __init__(self, answer_bytes: int) -> None:
        self.has_ended = False
        """Whether the last event was the end of the answer."""
        self._stored = StoredSize(answer_bytes)
        self._blocks: dict[int, _Block] = {}
        self._has_started = False
        self._stop_reason: str | None = None
        self._usage = _Usage()

    def take(self, document: bytes) -> tuple[str, str]:
        """Add an event; return its text and thoughts.

        Raises UnreadableAnswer, ServerError, AnswerTooLarge, msgspec.DecodeError.
        """
        check_values(document)
        event = _decode(document)
        self.has_ended = event.type == "message_stop"
        match event.type:
            case "message_start":
                self._has_started = True
                self._count(event.message.usage if event.message else None)
            case "content_block_start":
                self._start(event.index, event.content_block, len(document))
            case "content_block_delta":
                return self._add(event.index, event.delta or _Delta())
            case "message_delta":
                self._stop_reason = (event.delta.stop_reason if event.delta else None) or self._stop_reason
                self._count(event.usage)
            case "error":
                raise ServerError(event.error.message if event.error else "")
        return "", ""

    def turn(self) -> Turn:
        """Return the whole turn. Raises UnreadableAnswer."""
        if not self._has_started:
            raise UnreadableAnswer
        blocks = list(self._blocks.values())
        cached = self._usage.cache_read_input_tokens or 0
        return Turn(
            content="".join(block.text("text") for block in blocks if block.type == "text"),
            thinking="".join(block.text("thinking") for block in blocks if block.type == "thinking"),
            tool_calls=self._tool_calls(blocks),
            finish_reason=_FINISHES.get(self._stop_reason or "", self._stop_reason or "stop"),
            tokens=Tokens.from_counts((self._usage.input_tokens or 0) + cached, self._usage.output_tokens, cached),
            original=[block.whole() for block in blocks],
        )

    def _start(self, index: int, block: JsonObject | None, size: int) -> None:
        if not self._has_started or block is None or index in self._blocks:
            raise UnreadableAnswer
        self._stored.add(CALL_BYTES + size)
        self._blocks[index] = _Block(block)

    def _add(self, index: int, delta: _Delta) -> tuple[str, str]:
        block = self._blocks.get(index)
        if block is None:
            raise UnreadableAnswer
        for name in (*_TEXTS, "partial_json"):
            chunk = getattr(delta, name)
            if chunk:
                self._stored.add(len(chunk))
                block.chunks.setdefault(name, []).append(chunk)
        return delta.text or "", delta.thinking or ""

    def _count(self, usage: _Usage | None) -> None:
        if usage is not None:
            known = {name: value for name in usage.__struct_fields__ if (value := getattr(usage, name)) is not None}
            self._usage = msgspec.structs.replace(self._usage, **known)

    def _tool_calls(self, blocks: list[_Block]) -> tuple[ToolCall, ...]:
        """Return the calls. A call that the token limit truncated has no arguments, so that it cannot run."""
        cut = blocks[-1] if blocks and self._stop_reason == _CUT else None
        return tuple(block.call(is_cut=block is cut) for block in blocks if block.type == "tool_use")


_decode: Final = msgspec.json.Decoder(_Event).decode
