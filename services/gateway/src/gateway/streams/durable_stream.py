"""Server-sent events of a durable run: each with an id, so that a reader who comes back misses nothing."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from starlette.types import Receive, Scope, Send

from gateway.runs.application.stream_access import Standing
from gateway.runs.domain.errors import CallerGone
from gateway.runs.ports.followed_runs import FollowedRun, Numbered
from gateway.streams.disconnects import hanging_up, never
from gateway.streams.recorded_stream import RecordedStream
from shared.contracts.event_log import EventPosition
from shared.contracts.outcomes import RunOutcome
from shared.errors import FlowportError, InvalidRequest

BEFORE_ALL: Final = EventPosition(0, -1)
HEARTBEAT: Final = b": %b\n\n" % (b"." * 2048)
"""A comment, long enough to get through buffers that hold short pieces back."""
MAX_HEARTBEAT_SECONDS: Final = 60
_EVENT_ID: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")

RunEnd = tuple[RunOutcome, bytes]
"""How a run has ended, and its output as JSON."""
End = TypeVar("End")
E_contra = TypeVar("E_contra", contravariant=True)


def last_event_id(header: str | None) -> EventPosition:
    """What the reader has seen last. Raises InvalidRequest."""
    if not header:
        return BEFORE_ALL
    found = _EVENT_ID.fullmatch(header)
    if found is None:
        raise InvalidRequest("Last-Event-ID must be the id of an event of this run, such as 1-12")
    return EventPosition(int(found[1]), int(found[2]))


def heartbeat_in(asked: str | None) -> float | None:
    """Seconds between heartbeats that a caller asks for. Raises InvalidRequest."""
    if asked is None:
        return None
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:9]) <= MAX_HEARTBEAT_SECONDS:
        raise InvalidRequest(f"heartbeat must be a whole number of seconds from 1 to {MAX_HEARTBEAT_SECONDS}")
    return float(asked)


class EventWriter(Protocol[E_contra]):
    """Writes the events of one durable run for one reader, who is told of its end what this kind of stream tells."""

    def write(self, events: Sequence[Numbered]) -> bytes:
        """What this reader is told of `events`."""
        ...

    def final(self, end: E_contra, /) -> bytes:
        """How the stream ends when the run has."""
        ...

    def broken(self, error: FlowportError) -> bytes:
        """How it ends when the run cannot be followed any more."""
        ...


class RunEventStream(RecordedStream, Generic[End]):
    """What happens in `run`, as `writer` tells it, to its end; the run does not care who reads.

    `head` goes before everything. With `heartbeat_seconds`, a comment is sent whenever nothing else was for so long.
    """

    def __init__(
        self,
        run: FollowedRun,
        writer: EventWriter[End],
        load_end: Callable[[], Awaitable[End]],
        *,
        standing: Standing,
        headers: Mapping[str, str],
        write_seconds: float,
        head: bytes = b"",
        heartbeat_seconds: float | None = None,
    ) -> None:
        super().__init__(headers=headers, write_seconds=write_seconds)
        self._run = run
        self._standing = standing
        self._writer = writer
        self._load_end = load_end
        self._head = head
        self._heartbeat_seconds = heartbeat_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, or stop where the reader does."""
        with hanging_up(scope, never if self._keeper else receive, self._run, self._standing):
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._send(send, self._head)
                await self._send(send, await self._send_events(send), more=False)
            except (CallerGone, TimeoutError):
                pass
            finally:
                self._left()  # the run goes on: who asks again follows it

    async def _send_events(self, send: Send) -> bytes:
        try:
            while events := await self._next(send):
                await self._send(send, self._writer.write(events))
            end = self._writer.final(await self._load_end())
            await self._ended(end)
            return end
        except CallerGone:
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
            del taking  # an error that it ended by holds this frame
