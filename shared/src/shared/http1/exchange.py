"""Incremental response to one HTTP/1.1 request, parsed in C."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httptools
import httpx2

from shared.tracebacks import without_traceback

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BUFFERED_BYTES: Final = 256 * 1024
"""Maximum buffered bytes before reading from the network pauses."""
INCOMPLETE: Final = "The server closed the connection before its response was complete"
_BODY_ENDS_BY: Final = frozenset({b"content-length", b"transfer-encoding"})


class Exchange:
    """One response, as received so far. All received data can be read, even after the connection is lost.

    httptools calls the methods that begin with `on_`.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.is_reusable = False
        """Whether the response is complete, and the connection reusable."""
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        self._has_head = False
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._body_bytes = 0
        self._seen_body_bytes = 0
        self._frame_bytes = 0
        self.is_paused = False
        """Whether network reads are paused until the buffer is read."""
        self._failure: httpx2.TransportError | None = None
        """Why it ended. Raising this object itself would create a cycle through the frames it passes."""
        self._waiter: asyncio.Future[None] | None = None

    async def head(self, seconds: float | None) -> None:
        """Wait for status and headers. Raises httpx2.ReadTimeout, httpx2.ReadError, httpx2.RemoteProtocolError."""
        while not self._has_head:
            if self._failure is not None:
                raise without_traceback(self._failure)
            await self._wait_for_data(seconds)

    async def body(self, seconds: float | None) -> AsyncIterator[bytes]:
        """Yield the body in chunks, each all that has arrived; wait at most `seconds` for each. Raises as `head`."""
        while True:
            if self._pieces:
                yield self._take_pieces()
            elif self.is_complete:
                return
            elif self._failure is not None:
                raise without_traceback(self._failure)
            else:
                await self._wait_for_data(seconds)

    def feed(self, data: bytes) -> None:
        """Parse more of the response."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx2.RemoteProtocolError(f"The server does not speak HTTP/1.1: {error}"))
        if not self._has_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._fail(httpx2.RemoteProtocolError(f"The headers are longer than {MAX_HEAD_BYTES:,} bytes"))
        elif not self.is_complete:
            self._limit_frames(len(data))
        if self._buffered > MAX_BUFFERED_BYTES and not self.is_paused:
            self.is_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """End the response: the connection is lost."""
        if error is None and self._has_head and not any(name.lower() in _BODY_ENDS_BY for name, _ in self.headers):
            self.is_complete = True
        elif error is None:
            self._fail(httpx2.RemoteProtocolError(INCOMPLETE))
        else:
            self._fail(httpx2.ReadError(str(error) or INCOMPLETE))
        self._wake()

    def end(self) -> None:
        """Release the parser, which refers back to this, so that both are freed once unused."""
        del self._parser

    def on_message_begin(self) -> None:
        """Raise RemoteProtocolError for an unrequested response, which would be read as the next request's."""
        if self.is_complete:
            self.is_reusable = False
            raise httpx2.RemoteProtocolError("The server sent more than one response")

    def on_status(self, reason: bytes) -> None:
        """Add a part of the reason phrase."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; ignore trailers."""
        if not self._has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Finish status and headers; ignore those of an interim response."""
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200

    def on_body(self, piece: bytes) -> None:
        """Add a part of the body, without its framing."""
        self._pieces.append(piece)
        self._buffered += len(piece)
        self._body_bytes += len(piece)

    def on_message_complete(self) -> None:
        """Finish the response, or an interim one."""
        if self._has_head:
            self.is_complete = True
            self.is_reusable = self._parser.should_keep_alive()
        else:
            self.reason, self.headers = b"", []

    def _limit_frames(self, size: int) -> None:
        """Fail if much has arrived without body bytes: the parser stores a trailer until it is complete."""
        if self._body_bytes > self._seen_body_bytes:
            self._seen_body_bytes, self._frame_bytes = self._body_bytes, 0
            return
        self._frame_bytes += size
        if self._frame_bytes > MAX_HEAD_BYTES:
            self._fail(httpx2.RemoteProtocolError(f"The trailers are longer than {MAX_HEAD_BYTES:,} bytes"))

    def _take_pieces(self) -> bytes:
        taken = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        if self.is_paused:
            self.is_paused = False
            self._transport.resume_reading()
        return taken

    def _fail(self, failure: httpx2.TransportError) -> None:
        self.is_reusable = False
        if not self.is_complete and self._failure is None:
            self._failure = failure
            self._transport.abort()

    async def _wait_for_data(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, self._time_out, self._waiter)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @staticmethod
    def _time_out(waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(httpx2.ReadTimeout("The server did not respond in time"))
