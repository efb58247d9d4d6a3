"""Stream of a run: text as it is written, and values of other selected outputs."""

from collections.abc import Sequence
from typing import Final

import msgspec

from executor_service.engine.limits import Limits
from executor_service.engine.logs import visible_fields
from executor_service.engine.ports import EventSink
from executor_service.engine.state import Output
from shared.contracts.events import (
    MAX_CHUNK,
    SELECTION_TOO_LARGE,
    BlockStreamFailed,
    Chunk,
    ChunkReset,
    SelectedOutput,
    SelectedOutputFailed,
    Thinking,
    ToolActivity,
)
from shared.workflow.compile.selectors import Selector
from shared.workflow.format.js_values import MISSING, Json, Missing, parse_json, stringify
from shared.workflow.format.paths import value_at

SEPARATOR: Final = "\n\n"
TEXT_PATH: Final = "content"
MAX_THOUGHTS: Final = 524_288
"""Limit for characters of reasoning in one stream; the rest is not sent."""

_to_raw: Final = msgspec.json.Encoder().encode


class RunStream:
    """Stream of one run. An empty line separates later text deliveries."""

    def __init__(
        self, sink: EventSink, selectors: Sequence[Selector], limits: Limits, *, can_retract: bool = False
    ) -> None:
        self.can_retract = can_retract
        """Whether the reader supports taking text back."""
        self._sink = sink
        self._limits = limits
        self._selected: dict[str, list[Selector]] = {}
        for selector in selectors:
            self._selected.setdefault(selector.block_id, []).append(selector)
        self._deliveries = 0
        self._thoughts_left = MAX_THOUGHTS
        self._bytes = 0

    def is_selected(self, block_id: str) -> bool:
        """Return whether any output of this block is selected."""
        return block_id in self._selected

    def writer(self, block_id: str, *, is_live: bool = True) -> "TextWriter | None":
        """Return the writer of a block's text; None if it is not selected."""
        return TextWriter(self._sink, self, block_id, is_live=is_live) if block_id in self._selected else None

    def begin_delivery(self) -> str:
        """Return the separator before the first text of a delivery."""
        separator = SEPARATOR if self._deliveries else ""
        self._deliveries += 1
        return separator

    def undo_delivery(self) -> None:
        """Undo the start of a delivery."""
        self._deliveries -= 1

    def limit_thinking(self, text: str) -> str:
        """Return as much of a thought as may still be sent."""
        chunk = text[: self._thoughts_left]
        self._thoughts_left -= len(chunk)
        return chunk

    async def send_outputs(self, block_id: str, output: Output, writer: "TextWriter | None") -> None:
        """Send the selected outputs of a finished block. Streamed text is not sent again."""
        selectors = self._selected.get(block_id)
        if selectors is None:
            return
        if writer is not None and writer.text:
            await writer.end()
            selectors = [selector for selector in selectors if selector.path not in ("", TEXT_PATH)]
            for selector in selectors:
                await self._send_value(selector, _selected_value(output, selector))
        elif writer is not None:
            await self._announce_together(selectors, output)
        else:
            for selector in selectors:
                value = _selected_value(output, selector)
                if not isinstance(value, Missing) and await self._send_value(selector, value):
                    await self._deliver_text(block_id, as_chunk(value))

    async def _announce_together(self, selectors: Sequence[Selector], output: Output) -> None:
        """Send a structured answer's selected fields as one delivery, a line each."""
        values = [(selector, _selected_value(output, selector)) for selector in selectors]
        lines = []
        for selector, value in values:
            if not isinstance(value, Missing) and await self._send_value(selector, value):
                lines.append(value if isinstance(value, str) else stringify(value))
        if lines:
            await self._deliver_text(selectors[0].block_id, "\n".join(lines))

    async def _deliver_text(self, block_id: str, text: str) -> None:
        await self.send_text(block_id, self.begin_delivery() + text)

    async def send_text(self, block_id: str, text: str) -> None:
        """Send text, in chunks that fit into a message."""
        for begin in range(0, len(text), MAX_CHUNK):
            await self._sink.emit(Chunk(block_id, text[begin : begin + MAX_CHUNK]))

    async def _send_value(self, selector: Selector, value: Json | Missing) -> bool:
        if isinstance(value, Missing):
            return False
        raw = _to_raw(value)
        self._bytes += len(raw)
        if self._bytes > self._limits.selected_output_bytes or len(raw) > self._limits.selected_value_bytes:
            await self._sink.emit(SelectedOutputFailed(selector.block_id, SELECTION_TOO_LARGE))
            return False
        await self._sink.emit(SelectedOutput(selector.block_id, selector.path, msgspec.Raw(raw)))
        return True


class TextWriter:
    """Writer of one block's text to the stream.

    If not live, it sends the text only when the block ends: readers could not tell the interleaved text of concurrent
    branches apart.
    """

    def __init__(self, sink: EventSink, stream: RunStream, block_id: str, *, is_live: bool = True) -> None:
        self._sink = sink
        self._stream = stream
        self._block_id = block_id
        self._is_live = is_live
        self._parts: list[str] = []
        self._has_sent = False

    @property
    def has_sent(self) -> bool:
        """Return whether the reader has any of its text."""
        return self._has_sent

    @property
    def text(self) -> str:
        """Return the text so far."""
        return "".join(self._parts)

    async def write(self, text: str) -> None:
        """Send text; returns when there is room for more."""
        if not text:
            return
        is_first = not self._parts
        self._parts.append(text)
        if self._is_live:
            self._has_sent = True
            separator = self._stream.begin_delivery() if is_first else ""
            await self._stream.send_text(self._block_id, separator + text)

    async def end(self) -> None:
        """Send the buffered text."""
        if not self._is_live and self._parts:
            await self._stream.send_text(self._block_id, self._stream.begin_delivery() + self.text)

    async def reset(self) -> None:
        """Take back all text so far; if the reader cannot, separate what follows."""
        is_out = self._has_sent and bool(self._parts)
        self._parts.clear()
        if is_out and self._stream.can_retract:
            self._has_sent = False
            self._stream.undo_delivery()
            await self._sink.emit(ChunkReset(self._block_id))

    async def write_thinking(self, text: str) -> None:
        """Send a chunk of a model's reasoning."""
        if self._is_live and (chunk := self._stream.limit_thinking(text)):
            await self._sink.emit(Thinking(self._block_id, chunk))

    async def tool(self, phase: str, call_id: str, name: str, status: str | None = None) -> None:
        """Report that a tool call started or ended."""
        await self._sink.emit(ToolActivity(self._block_id, phase, call_id, name, status))

    async def report_failure(self, message: str) -> None:
        """Report that the text is incomplete."""
        await self._sink.emit(BlockStreamFailed(self._block_id, message))


def partial_output(writer: TextWriter | None) -> Output:
    """Return the output of a block that was stopped: its streamed text, if any."""
    return {"content": writer.text} if writer is not None and writer.text else {}


def as_chunk(value: Json) -> str:
    """Return a value as stream text: strings raw, everything else as JSON with an indent of two."""
    return value if isinstance(value, str) else stringify(value, 2)


def without_model_text(value: Json) -> Json:
    """Return a streamed output without a model's thoughts and intermediate text in `providerTiming`'s segments.

    This includes nested ones: a loop's results are outputs of agents, too.
    """
    if isinstance(value, list):
        return [without_model_text(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _bare_timing(item) if key == "providerTiming" else without_model_text(item) for key, item in value.items()
    }


def _bare_timing(timing: Json) -> Json:
    segments = timing.get("timeSegments") if isinstance(timing, dict) else None
    if not isinstance(timing, dict) or not isinstance(segments, list):
        return timing
    return {**timing, "timeSegments": [_bare_segment(segment) for segment in segments]}


def _bare_segment(segment: Json) -> Json:
    if not isinstance(segment, dict):
        return segment
    bare = {key: part for key, part in segment.items() if key not in ("thinkingContent", "assistantContent")}
    calls = bare.get("toolCalls")
    if isinstance(calls, list):
        bare["toolCalls"] = [_bare_call(call) for call in calls]
    return bare


def _bare_call(call: Json) -> Json:
    hidden = ("arguments", "input", "result", "output")
    return {key: part for key, part in call.items() if key not in hidden} if isinstance(call, dict) else call


def _selected_value(output: Output, selector: Selector) -> Json | Missing:
    """Return the value at the path. JSON text in `content` is searched if it has the path."""
    value = value_at(visible_fields(output), selector.steps)
    if value is MISSING and isinstance(content := output.get(TEXT_PATH), str):
        parsed = parse_json(content)
        value = value_at(parsed, selector.steps) if isinstance(parsed, dict | list) else MISSING
    return value if isinstance(value, Missing) else without_model_text(value)
