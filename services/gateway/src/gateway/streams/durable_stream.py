"""Server-sent events of new and existing durable runs, with ids that let readers reconnect without loss."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.access.credentials import Caller
from gateway.runs.errors import CallerDisconnected
from gateway.runs.executions import Executions, RunFollower
from gateway.runs.followed import Numbered, RunReader
from gateway.runs.requests import AGENT_EVENTS, ExecuteRequest
from gateway.runs.stream_access import CallerAccess, StreamAccess, disconnecting, never
from gateway.streams.attached_stream import PROTOCOL_HEADER
from gateway.streams.sse_frames import FrameWriter, RecordedStream
from gateway.web.errors import message_of
from shared.contracts.deployments import Endpoint
from shared.contracts.event_pages import EventPosition
from shared.contracts.runs import RunOutcome
from shared.errors import FlowportError, InvalidRequest

BEFORE_ALL: Final = EventPosition(0, -1)


HEARTBEAT: Final = b": %b\n\n" % (b"." * 2048)
"""Comment long enough to pass through proxies that buffer short chunks."""


MAX_HEARTBEAT_SECONDS: Final = 60


_EVENT_ID: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


RunEnd = tuple[RunOutcome, bytes]
"""Outcome of a run, and its output as JSON."""


End = TypeVar("End")


E_contra = TypeVar("E_contra", contravariant=True)


def last_event_id(header: str | None) -> EventPosition:
    """Return the last event id the reader has seen. Raises InvalidRequest."""
    if not header:
        return BEFORE_ALL
    found = _EVENT_ID.fullmatch(header)
    if found is None:
        raise InvalidRequest("Last-Event-ID must be the id of an event of this run, such as 1-12")
    return EventPosition(int(found[1]), int(found[2]))


def heartbeat_in(seconds: str | None) -> float | None:
    """Return the requested seconds between heartbeats. Raises InvalidRequest."""
    if seconds is None:
        return None
    if not seconds.isascii() or not seconds.isdigit() or not 1 <= int(seconds[:9]) <= MAX_HEARTBEAT_SECONDS:
        raise InvalidRequest(f"heartbeat must be a whole number of seconds from 1 to {MAX_HEARTBEAT_SECONDS}")
    return float(seconds)


class EventWriter(Protocol[E_contra]):
    """Formatter of one durable run's events and end for one reader."""

    def write(self, events: Sequence[Numbered]) -> bytes:
        """Return the reader's frames of `events`."""

    def final(self, end: E_contra, /) -> bytes:
        """Return the last frames after the run's end."""

    def broken(self, error: FlowportError) -> bytes:
        """Return the last frames after a failure to follow the run."""


class RunEventStream(RecordedStream, Generic[End]):
    """Event stream of `run` to its end, formatted by `writer`; the run is independent of its reader.

    `head` is sent first. With `heartbeat_seconds`, a comment is sent after so much silence.
    """

    def __init__(
        self,
        run: RunReader,
        writer: EventWriter[End],
        load_end: Callable[[], Awaitable[End]],
        *,
        caller_access: CallerAccess,
        headers: Mapping[str, str],
        write_seconds: float,
        head: bytes = b"",
        heartbeat_seconds: float | None = None,
    ) -> None:
        super().__init__(headers=headers, write_seconds=write_seconds)
        self._run = run
        self._caller_access = caller_access
        self._writer = writer
        self._load_end = load_end
        self._head = head
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events, until the reader disconnects."""
        with disconnecting(scope, never if self._recorder else receive, self._run, self._caller_access):
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._send(send, self._head)
                await self._send(send, await self._send_events(send), more=False)
            except (CallerDisconnected, TimeoutError):
                pass
            finally:
                self._report_unrecorded()  # the run continues: the reader may reconnect

    async def _send_events(self, send: Send) -> bytes:
        try:
            while events := await self._next(send):
                await self._send(send, self._writer.write(events))
            end = self._writer.final(await self._load_end())
            await self._record_end(end)
            return end
        except CallerDisconnected:
            raise
        except FlowportError as error:
            return self._writer.broken(error)

    async def _next(self, send: Send) -> Sequence[Numbered]:
        if self._heartbeat_seconds is None:
            return await self._run.take()
        taking = asyncio.ensure_future(self._run.take())
        try:
            while not (await asyncio.wait({taking}, timeout=self._heartbeat_seconds))[0]:
                await self._send(send, HEARTBEAT)
            return taking.result()
        finally:
            taking.cancel()
            del taking  # its error would keep this frame alive


class NumberedFrames:
    """Implements EventWriter, for a reader who resumes after `after`.

    Reads earlier events for the final frame, but does not write them.
    """

    def __init__(self, frames: FrameWriter, after: EventPosition) -> None:
        self._frames = frames
        self._after = after

    def write(self, events: Sequence[Numbered]) -> bytes:
        written = []
        for position, event in events:
            frame = self._frames.write((event,))
            if frame and position > self._after:
                written.append(b"id: %d-%d\n%b" % (*position, frame))
        return b"".join(written)

    def final(self, end: RunEnd) -> bytes:
        return self._frames.final(*end)

    def broken(self, error: FlowportError) -> bytes:
        return self._frames.broken(message_of(error))


class RunEventStreams:
    """Factory of streams. A run is independent of its readers, who may reconnect to any gateway without loss."""

    def __init__(
        self, executions: Executions, follower: RunFollower, access: StreamAccess, *, write_seconds: float
    ) -> None:
        self._executions = executions
        self._follower = follower
        self._access = access
        self._write_seconds = write_seconds

    async def begin(
        self, caller: Caller, endpoint: Endpoint, run_request: ExecuteRequest, *, heartbeat_seconds: float | None
    ) -> Response:
        """Start a run and stream it. Raises what Executions.follow raises."""
        run = await self._executions.follow(caller, endpoint, run_request)
        writer = FrameWriter(selects=bool(run_request.selected_outputs), agent_events=run_request.agent_events)
        caller_access = self._access.of(caller, endpoint.workflow_id)
        return self._stream(
            run, writer, endpoint.workspace_id, BEFORE_ALL, heartbeat_seconds, caller_access=caller_access
        )

    async def open(
        self, caller: Caller, workflow_id: str, run_id: str, *, after: EventPosition, heartbeat_seconds: float | None
    ) -> Response:
        """Stream an existing run, from after `after`. Raises NotFound, Forbidden, Unavailable."""
        run = await self._follower.open(caller, workflow_id, run_id)
        writer = FrameWriter(selects=None, agent_events=True)
        caller_access = self._access.of(caller, workflow_id)
        return self._stream(run, writer, caller.workspace.id, after, heartbeat_seconds, caller_access=caller_access)

    def _stream(
        self,
        run: RunReader,
        writer: FrameWriter,
        workspace_id: str,
        after: EventPosition,
        heartbeat_seconds: float | None,
        *,
        caller_access: CallerAccess,
    ) -> Response:
        agreed = {PROTOCOL_HEADER: AGENT_EVENTS} if writer.agent_events else {}
        return RunEventStream(
            run,
            NumberedFrames(writer, after),
            partial(self._follower.end_of, workspace_id, run.run_id),
            caller_access=caller_access,
            headers={"x-run-id": run.run_id, **agreed},
            write_seconds=self._write_seconds,
            heartbeat_seconds=heartbeat_seconds,
        )
