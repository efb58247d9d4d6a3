"""Frames of an API stream, byte for byte."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec
from starlette.responses import Response
from starlette.types import Send

from gateway import metrics
from gateway.runs.views import redact
from shared.contracts.events import (
    SELECTION_TOO_LARGE,
    BlockStreamFailed,
    Chunk,
    ChunkReset,
    RunEvent,
    SelectedOutput,
    SelectedOutputFailed,
    StreamReset,
    Thinking,
    ToolActivity,
)
from shared.contracts.runs import RunOutcome, RunStatus

DONE: Final = b'data: "[DONE]"\n\n'


SELECTED_BYTES: Final = 16 * 1024 * 1024


_LINE_ENDS: Final = tuple((letter.encode(), b"\\u%04x" % ord(letter)) for letter in "\x85\u2028\u2029")


_encode: Final = msgspec.json.Encoder().encode


def frame(value: Any) -> bytes:
    """Return one frame: `data: `, compact JSON in raw UTF-8, a blank line."""
    return b"data: %b\n\n" % _encode(value)


def one_line_frame(value: Any) -> bytes:
    """Like `frame`, with characters escaped that some readers (such as httpx2) treat as line ends."""
    encoded = frame(value)
    for letter, escaped in _LINE_ENDS:
        encoded = encoded.replace(letter, escaped)
    return encoded


def error_frame(message: str) -> bytes:
    """Return the terminal error frame; only DONE follows."""
    return frame({"event": "error", "error": message})


class FrameWriter:
    """Formatter of one stream's frames. `selects` says whether the caller selected outputs; None: derived from events.

    Text is sent in chunks, including the blank line between two deliveries. Selected outputs' values arrive separately
    and are held for the final frame. `hide` removes from JSON what this reader may not see.
    """

    def __init__(self, *, selects: bool | None, agent_events: bool, hide: Callable[[bytes], bytes] = redact) -> None:
        self._hide = hide
        self._selects = selects
        self.agent_events = agent_events
        self._delivered = False
        self._saw_selected = False
        self._failed = False
        self._selected: dict[str, dict[str, msgspec.Raw]] = {}
        self._selected_bytes = 0

    @property
    def has_text(self) -> bool:
        """Return whether any text has been written."""
        return self._delivered

    def write(self, events: Iterable[RunEvent]) -> bytes:
        """Return the frames of `events`; none for events that a stream does not show."""
        return b"".join([self._frame(event) for event in events])

    def final(self, outcome: RunOutcome, output: bytes) -> bytes:
        """Return the last frames after the run's end: the final or the error frame, and DONE."""
        if self._failed:
            return DONE
        if outcome.status is RunStatus.FAILED:
            message = outcome.error.text if outcome.error else "Execution failed"
            return error_frame(message) + DONE
        data: dict[str, Any] = {"success": outcome.status is not RunStatus.CANCELLED}
        paused = outcome.status is RunStatus.PAUSED
        selects = self._saw_selected if self._selects is None else self._selects
        data["output"] = self._selected if selects and not paused else msgspec.Raw(self._hide(output))
        if paused:
            data["status"] = "paused"
        return frame({"event": "final", "data": data}) + DONE

    def broken(self, message: str) -> bytes:
        """Return the last frames after a failure to follow the run."""
        return DONE if self._failed else error_frame(message) + DONE

    def _frame(self, event: RunEvent) -> bytes:
        match event:
            case Chunk(block_id=block_id, text=text):
                return self._chunk(block_id, text)
            case SelectedOutput():
                return self._keep(event)
            case BlockStreamFailed(block_id=block_id, message=message):
                return frame({"event": "stream_error", "blockId": block_id, "error": message})
            case StreamReset(attempt=attempt):
                return self._reset(attempt)
            case SelectedOutputFailed(block_id=block_id, message=message):
                return self._selection_failed(block_id, message)
            case _:
                return self._agent_event(event) if self.agent_events else b""

    def _chunk(self, block_id: str, text: str) -> bytes:
        if not text:
            return b""
        self._delivered = self._saw_selected = True
        return b'data: {"blockId":%b,"chunk":%b}\n\n' % (_encode(block_id), _encode(text))

    def _reset(self, attempt: int) -> bytes:
        self._failed = False
        self._selected, self._selected_bytes = {}, 0
        return frame({"event": "reset", "attempt": attempt})

    def _keep(self, event: SelectedOutput) -> bytes:
        self._saw_selected = True
        document = self._hide(bytes(event.value))
        self._selected_bytes += len(document)
        if self._selected_bytes > SELECTED_BYTES:
            return self._selection_failed(event.block_id, SELECTION_TOO_LARGE)
        if event.path:
            self._selected.setdefault(event.block_id, {})[event.path] = msgspec.Raw(document)
        return b""

    def _selection_failed(self, block_id: str, message: str) -> bytes:
        if self._failed:
            return b""
        self._failed = True
        return frame({"event": "error", "blockId": block_id, "error": message})

    def _agent_event(self, event: RunEvent) -> bytes:
        match event:
            case Thinking(block_id=block_id, text=text):
                return frame({"blockId": block_id, "event": "thinking", "data": text})
            case ChunkReset(block_id=block_id):
                return frame({"blockId": block_id, "event": "chunk_reset"})
            case ToolActivity():
                return frame(_tool(event))
            case _:
                return b""


def _tool(event: ToolActivity) -> dict[str, str]:
    shown = {
        "blockId": event.block_id,
        "event": "tool",
        "phase": event.phase,
        "id": event.tool_call_id,
        "name": event.name,
    }
    return shown if event.status is None else {**shown, "status": event.status}


STREAM_HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "connection": "keep-alive",
    "x-accel-buffering": "no",
}


class EndRecorder(Protocol):
    """Recorder of how a stream ended, for repeated requests. Called once."""

    async def ended(self, frames: bytes) -> None:
        """Record these final frames."""

    async def not_started(self) -> None:
        """Record that the run has not begun, and will not."""

    def lost(self) -> None:
        """Record that the run's outcome is unknown here."""


class RecordedStream(Response):
    """Stream that disconnects a reader that blocks for `write_seconds`.

    `_send` then raises TimeoutError, unless the end is recorded.
    """

    def __init__(self, *, headers: Mapping[str, str], write_seconds: float) -> None:
        self.background = None
        self.status_code = 200
        self.init_headers({**STREAM_HEADERS, **headers})
        self._write_seconds = write_seconds
        self._recorder: EndRecorder | None = None
        self._stopped_reading = False

    def record_end(self, recorder: EndRecorder) -> None:
        """Read to the end even if the caller disconnects or stops reading, and report the end to `recorder`."""
        self._recorder = recorder

    async def _record_end(self, end: bytes, *, began: bool = True) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            await (recorder.ended(end) if began else recorder.not_started())

    def _report_unrecorded(self) -> None:
        """Stop reading; report a run without a recorded end as lost."""
        if self._recorder is not None:
            self._recorder.lost()

    async def _send(self, send: Send, frames: bytes, *, more: bool = True) -> None:
        if not frames or self._stopped_reading:
            return
        try:
            async with asyncio.timeout(self._write_seconds):
                await send({"type": "http.response.body", "body": frames, "more_body": more})
        except TimeoutError:
            metrics.SLOW_READERS.inc()
            if self._recorder is None:
                raise
            self._stopped_reading = True
