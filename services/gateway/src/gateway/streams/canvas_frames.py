"""Streams for the canvas: block starts and ends, and text chunks, of a new run or after a lost connection."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.runs.executions import Executions, RunFollower
from gateway.runs.followed import Numbered, RunReader
from gateway.runs.requests import ExecuteRequest
from gateway.runs.stream_access import StreamAccess
from gateway.streams.durable_stream import RunEnd, RunEventStream
from gateway.streams.sse_frames import frame
from gateway.web.errors import message_of
from shared.clock import Clock, iso
from shared.contracts.deployments import Endpoint
from shared.contracts.events import (
    BlockEnded,
    BlockStarted,
    Chunk,
    ChunkReset,
    RunEvent,
    RunStarted,
    Thinking,
    ToolActivity,
)
from shared.contracts.runs import RunOutcome, RunStatus
from shared.errors import FlowportError, NotFound

DONE: Final = b"data: [DONE]\n\n"


class CanvasWriter:
    """Formatter of one run's frames for the canvas. Implements EventWriter.

    Replayable frames carry a growing `eventId`; a reader resumes after `after`. For a block that began earlier, the
    text already seen is unknown: its chunks are skipped, and its end carries the whole text. Frames carry their event's
    own time, if it has one; text chunks have none.
    """

    def __init__(self, run_id: str, workflow_id: str, clock: Clock, *, after: int = 0) -> None:
        self._run_id = run_id
        self._workflow_id = workflow_id
        self._clock = clock
        self._after = after
        self._event_id = 0
        self._earlier_blocks: set[str] = set()
        self._writing: set[str] = set()

    def write(self, events: Sequence[Numbered]) -> bytes:
        """Return frames of `events`; none for events that the canvas does not show."""
        return b"".join(
            [self._began(events) if isinstance(event, RunStarted) else self._frames(event) for _, event in events]
        )

    def final(self, end: RunEnd) -> bytes:
        kind, data = _ending(*end)
        self._event_id = self._event_id or self._after  # nothing else of the run is stored any longer
        return self._replayable(f"execution:{kind}", data, iso(end[0].ended_at)) + DONE

    def broken(self, error: FlowportError) -> bytes:
        return self._live("execution:error", {"error": message_of(error), "duration": 0}) + DONE

    def _began(self, events: Sequence[Numbered]) -> bytes:
        """Return the frame that begins the run, with the time of its first block."""
        first = next(
            (_log_entry(event.data).get("startedAt") for _, event in events if isinstance(event, BlockStarted)), None
        )
        at = first or iso(self._clock.now())
        return self._replayable("execution:started", {"startTime": at}, at)

    def _frames(self, event: RunEvent) -> bytes:
        match event:
            case BlockStarted(data=document):
                entry = _log_entry(document)
                begun = self._replayable("block:started", entry, entry.pop("startedAt", None))
                (self._earlier_blocks.discard if begun else self._earlier_blocks.add)(entry["blockId"])
                return begun
            case BlockEnded(data=document, failed=failed):
                entry = _log_entry(document)
                kind = "block:error" if failed else "block:completed"
                return self._text_done(entry["blockId"]) + self._replayable(kind, entry, entry.get("endedAt"))
            case Chunk() | ChunkReset() | Thinking() | ToolActivity():
                return b"" if event.block_id in self._earlier_blocks else self._text(event)
            case _:
                return b""

    def _text(self, event: Chunk | ChunkReset | Thinking | ToolActivity) -> bytes:
        match event:
            case Chunk(block_id=block_id, text=text):
                self._writing.add(block_id)
                return self._live("stream:chunk", {"blockId": block_id, "chunk": text})
            case ChunkReset(block_id=block_id):
                return self._live("stream:chunk_reset", {"blockId": block_id})
            case Thinking(block_id=block_id, text=text):
                return self._live("stream:thinking", {"blockId": block_id, "text": text})
            case ToolActivity():
                return self._live("stream:tool", _tool(event))

    def _text_done(self, block_id: str) -> bytes:
        return self._live("stream:done", {"blockId": block_id}) if block_id in self._writing else b""

    def _replayable(self, kind: str, data: Any, at: str | None) -> bytes:
        self._event_id += 1
        if self._event_id <= self._after:
            return b""
        return frame({**self._head(kind, at), "eventId": self._event_id, "data": data})

    def _live(self, kind: str, data: Any) -> bytes:
        return frame({**self._head(kind), "data": data})

    def _head(self, kind: str, at: str | None = None) -> dict[str, Any]:
        return {
            "type": kind,
            "timestamp": at or iso(self._clock.now()),
            "executionId": self._run_id,
            "workflowId": self._workflow_id,
        }


def _log_entry(document: msgspec.Raw) -> dict[str, Any]:
    """Return a block's log entry with times in milliseconds."""
    entry: dict[str, Any] = msgspec.json.decode(document)
    for name in ("startedAt", "endedAt"):
        if isinstance(at := entry.get(name), str):
            entry[name] = iso(datetime.fromisoformat(at))
    if isinstance(duration := entry.get("durationMs"), float):
        entry["durationMs"] = round(duration)
    return entry


def _ending(outcome: RunOutcome, output: bytes) -> tuple[str, dict[str, Any]]:
    duration = round(outcome.duration_ms)
    if outcome.status is RunStatus.CANCELLED:
        return "cancelled", {"duration": duration}
    if outcome.status is RunStatus.FAILED:
        return "error", {"error": outcome.error.text if outcome.error else "Execution failed", "duration": duration}
    ended = {
        "output": msgspec.Raw(output),
        "duration": duration,
        "startTime": iso(outcome.started_at),
        "endTime": iso(outcome.ended_at),
    }
    return ("paused", ended) if outcome.status is RunStatus.PAUSED else ("completed", {"success": True, **ended})


def _tool(event: ToolActivity) -> dict[str, Any]:
    shown = {
        "blockId": event.block_id,
        "phase": event.phase,
        "id": event.tool_call_id,
        "name": event.name,
    }
    return shown if event.status is None else {**shown, "status": event.status}


EXPIRED: Final = "Run buffer not found or expired"


class CanvasStreams:
    """Factory of canvas streams. The run continues after a disconnect; the reader may reconnect or cancel."""

    def __init__(
        self,
        executions: Executions,
        follower: RunFollower,
        clock: Clock,
        access: StreamAccess,
        *,
        write_seconds: float,
    ) -> None:
        self._executions = executions
        self._follower = follower
        self._access = access
        self._clock = clock
        self._write_seconds = write_seconds

    async def begin(self, caller: Caller, endpoint: Endpoint, run_request: ExecuteRequest) -> Response:
        """Start a run and stream it. Raises what Executions.follow raises."""
        run = await self._executions.follow(caller, endpoint, run_request)
        return self._stream(run, caller, endpoint.workspace_id, endpoint.workflow_id, after=0)

    async def open(self, caller: Caller, workflow_id: str, run_id: str, *, after: int) -> Response:
        """Stream the events after the event `after`. Raises NotFound, Forbidden, Unavailable."""
        try:
            run = await self._follower.open(caller, workflow_id, run_id)
        except NotFound:
            raise NotFound(EXPIRED) from None
        return self._stream(run, caller, caller.workspace.id, workflow_id, after=after)

    def _stream(self, run: RunReader, caller: Caller, workspace_id: str, workflow_id: str, *, after: int) -> Response:
        return RunEventStream(
            run,
            CanvasWriter(run.run_id, workflow_id, self._clock, after=after),
            partial(self._follower.end_of, workspace_id, run.run_id),
            caller_access=self._access.of(caller, workflow_id),
            headers={"x-execution-id": run.run_id},
            write_seconds=self._write_seconds,
        )
