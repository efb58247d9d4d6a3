"""Frames of a resumable API stream, with event ids."""

from collections.abc import Sequence

from gateway.http.errors import message_of
from gateway.runs.ports.followed_runs import Numbered
from gateway.streams.durable_stream import RunEnd
from gateway.streams.frames import FrameWriter
from shared.contracts.event_log import EventPosition
from shared.errors import FlowportError


class NumberedFrames:
    """Implements EventWriter, for a reader who has seen everything up to `after`.

    Events already seen are read again for the final frame, but not written.
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
