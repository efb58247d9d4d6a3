"""Server-sent event stream whose end can be recorded."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Send

from gateway import metrics

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
