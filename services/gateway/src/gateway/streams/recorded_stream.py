"""A stream of server-sent events whose end may be kept, whatever it tells."""

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
    """Is told once how a stream ended, and keeps that for whoever asks again."""

    async def ended(self, frames: bytes) -> None:
        """With these frames, which are true for ever."""
        ...

    async def never_began(self) -> None:
        """Its run has not begun, and will not."""
        ...

    def lost(self) -> None:
        """What becomes of its run is not known here."""
        ...


class RecordedStream(Response):
    """Writes frames to a reader, who is left when it does not read for `write_seconds`.

    `_send` raises TimeoutError then, unless the end is kept for whoever comes back.
    """

    def __init__(self, *, headers: Mapping[str, str], write_seconds: float) -> None:
        self.background = None
        self.status_code = 200
        self.init_headers({**STREAM_HEADERS, **headers})
        self._write_seconds = write_seconds
        self._keeper: EndRecorder | None = None
        self._is_left = False

    def keep_end(self, keeper: EndRecorder) -> None:
        """Go on to the end though the caller hangs up or reads no more, and tell `keeper` of it."""
        self._keeper = keeper

    async def _ended(self, end: bytes, *, began: bool = True) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await (keeper.ended(end) if began else keeper.never_began())

    def _left(self) -> None:
        """Nobody goes on to the end here, if it has not been told of."""
        if self._keeper is not None:
            self._keeper.lost()

    async def _send(self, send: Send, frames: bytes, *, more: bool = True) -> None:
        if not frames or self._is_left:
            return
        try:
            async with asyncio.timeout(self._write_seconds):
                await send({"type": "http.response.body", "body": frames, "more_body": more})
        except TimeoutError:
            metrics.SLOW_READERS.inc()
            if self._keeper is None:
                raise
            self._is_left = True
